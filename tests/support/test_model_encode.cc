// SPDX-License-Identifier: Apache-2.0
// What a TestModel computes: a plain encoder, written down from the papers.
#include <algorithm>
#include <cmath>

#include "support/test_model.h"

namespace nestvec {

// The whole matrix with a task's update added.
std::vector<double> TestModel::dense(const std::string& name, std::int64_t task) const {
  const TestMatrix& matrix = matrices_.at(name);
  std::vector<double> values(matrix.values.begin(), matrix.values.end());
  if (task < 0 || matrix.updates.empty()) return values;
  const std::size_t rank = spec_.adapters.rank;
  const bool is_table = !vectors_.contains(name + ".bias");
  for (const TestUpdate& update : matrix.updates[static_cast<std::size_t>(task)]) {
    for (std::size_t i = 0; i < update.rows; ++i) {
      for (std::size_t j = 0; j < matrix.columns; ++j) {
        double sum = 0.0;
        for (std::size_t r = 0; r < rank; ++r) {
          const float left = is_table ? update.a[i * rank + r] : update.b[i * rank + r];
          const float right =
              is_table ? update.b[r * matrix.columns + j] : update.a[r * matrix.columns + j];
          sum += static_cast<double>(left) * static_cast<double>(right);
        }
        values[(update.first + i) * matrix.columns + j] +=
            static_cast<double>(spec_.adapters.scaling) * sum;
      }
    }
  }
  return values;
}

TestModel::Rows TestModel::linear(const Rows& x, const std::string& name, std::int64_t task) const {
  const TestMatrix& matrix = matrices_.at(name);
  const std::vector<double> weight = dense(name, task);
  const std::vector<float>& bias = vectors_.at(name + ".bias");
  const std::size_t tokens = x.size() / matrix.columns;
  Rows y(tokens * matrix.rows);
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::size_t i = 0; i < matrix.rows; ++i) {
      double sum = static_cast<double>(bias[i]);
      for (std::size_t j = 0; j < matrix.columns; ++j) {
        sum += weight[i * matrix.columns + j] * x[t * matrix.columns + j];
      }
      y[t * matrix.rows + i] = sum;
    }
  }
  return y;
}

void TestModel::normalize(Rows& x, const std::string& name) const {
  const std::vector<float>& weight = vectors_.at(name + ".weight");
  const std::vector<float>& bias = vectors_.at(name + ".bias");
  const std::size_t width = weight.size();
  for (std::size_t t = 0; t < x.size() / width; ++t) {
    double* row = x.data() + t * width;
    double mean = 0.0;
    for (std::size_t i = 0; i < width; ++i) mean += row[i] / static_cast<double>(width);
    double variance = 0.0;
    for (std::size_t i = 0; i < width; ++i) {
      variance += (row[i] - mean) * (row[i] - mean) / static_cast<double>(width);
    }
    const double scale = 1.0 / std::sqrt(variance + static_cast<double>(spec_.layer_norm_eps));
    for (std::size_t i = 0; i < width; ++i) {
      row[i] =
          (row[i] - mean) * scale * static_cast<double>(weight[i]) + static_cast<double>(bias[i]);
    }
  }
}

double TestModel::activate(double x) const {
  switch (spec_.activation) {
    case Activation::kGelu:
      return 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0)));
    case Activation::kGeluTanh:
      return 0.5 * x *
             (1.0 + std::tanh(std::sqrt(2.0 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
    case Activation::kTanh:
      return std::tanh(x);
    case Activation::kNone:
      return x;
    case Activation::kSilu:
      return x / (1.0 + std::exp(-x));
    case Activation::kRelu:
      break;
  }
  return std::max(x, 0.0);
}

TestModel::Rows TestModel::embed(const std::vector<std::int64_t>& ids, std::int64_t task) const {
  const std::size_t width = spec_.hidden;
  const std::vector<double> words = dense("words", task);
  const std::vector<double> types = dense("types", task);
  Rows x(ids.size() * width);
  std::size_t place = spec_.position_offset;
  for (std::size_t t = 0; t < ids.size(); ++t) {
    // RoBERTa gives padding the row of its own id and does not count it; BERT counts all.
    const bool skipped = spec_.position_offset > 0 && ids[t] == spec_.pad_id;
    const std::size_t row = skipped ? static_cast<std::size_t>(spec_.pad_id) : place;
    if (!skipped) ++place;
    for (std::size_t i = 0; i < width; ++i) {
      x[t * width + i] = words[static_cast<std::size_t>(ids[t]) * width + i] + types[i];
      if (spec_.positions == PositionKind::kAbsolute) {
        x[t * width + i] += static_cast<double>(matrices_.at("positions").values[row * width + i]);
      }
    }
  }
  normalize(x, "norm");
  return x;
}

// x cos + rotate_half(x) sin with fp32 frequencies and angles.
void TestModel::rotate(double* head, std::size_t position) const {
  if (spec_.positions == PositionKind::kAbsolute) return;
  const std::size_t width = spec_.head_width();
  const std::vector<double> old(head, head + width);
  for (std::size_t i = 0; i < width; ++i) {
    const std::size_t pair = i % (width / 2);
    const double power =
        std::pow(spec_.rotary_base, 2.0 * static_cast<double>(pair) / static_cast<double>(width));
    const float frequency = 1.0f / static_cast<float>(power);
    const float angle = static_cast<float>(position) * frequency;
    const double other = i < width / 2 ? -old[i + width / 2] : old[i - width / 2];
    head[i] = old[i] * std::cos(static_cast<double>(angle)) +
              other * std::sin(static_cast<double>(angle));
  }
}

TestModel::Rows TestModel::attend(const Rows& qkv) const {
  const std::size_t hidden = spec_.hidden;
  const std::size_t width = spec_.head_width();
  const std::size_t tokens = qkv.size() / (3 * hidden);
  Rows rotated = qkv;
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::size_t head = 0; head < 2 * spec_.heads; ++head) {  // queries, then keys
      rotate(rotated.data() + t * 3 * hidden + head * width, t);
    }
  }
  Rows out(tokens * hidden);
  for (std::size_t head = 0; head < spec_.heads; ++head) {
    for (std::size_t t = 0; t < tokens; ++t) {
      const double* query = rotated.data() + t * 3 * hidden + head * width;
      std::vector<double> weights(tokens);
      double total = 0.0;
      for (std::size_t s = 0; s < tokens; ++s) {
        const double* key = rotated.data() + s * 3 * hidden + hidden + head * width;
        double score = 0.0;
        for (std::size_t i = 0; i < width; ++i) score += query[i] * key[i];
        weights[s] = std::exp(score / std::sqrt(static_cast<double>(width)));
        total += weights[s];
      }
      for (std::size_t s = 0; s < tokens; ++s) {
        const double* value = rotated.data() + s * 3 * hidden + 2 * hidden + head * width;
        for (std::size_t i = 0; i < width; ++i) {
          out[t * hidden + head * width + i] += weights[s] / total * value[i];
        }
      }
    }
  }
  return out;
}

std::vector<double> TestModel::encode(const std::vector<std::int64_t>& ids,
                                      std::int64_t task) const {
  Rows x = embed(ids, task);
  for (std::size_t i = 0; i < spec_.layers; ++i) {
    const std::string layer = std::to_string(i) + ".";
    const Rows attended = linear(attend(linear(x, layer + "qkv", task)), layer + "out", task);
    for (std::size_t k = 0; k < x.size(); ++k) x[k] += attended[k];
    normalize(x, layer + "norm1");
    Rows wide = linear(x, layer + "in", task);
    for (double& value : wide) value = activate(value);
    const Rows narrow = linear(wide, layer + "back", task);
    for (std::size_t k = 0; k < x.size(); ++k) x[k] += narrow[k];
    normalize(x, layer + "norm2");
  }
  return x;
}

}  // namespace nestvec
