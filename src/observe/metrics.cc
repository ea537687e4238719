// SPDX-License-Identifier: Apache-2.0
#include "observe/metrics.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "nestvec/error.h"

namespace nestvec {
namespace {

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> digits{};
  const auto [end, failed] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return {digits.data(), end};
}

std::string escaped(std::string_view text, bool quotes) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\\' || (quotes && c == '"')) {
      out += {'\\', c};
    } else {
      out += c;
    }
  }
  return out;
}

std::string braces(std::string_view labels) {
  return labels.empty() ? "" : "{" + std::string(labels) + "}";
}

// A line, or one whose value is still to be asked for.
struct Piece {
  std::string text;
  std::function<double()> read;
};

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)),
      counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds_.size() + 1)) {}

void Histogram::observe(double value) noexcept {
  if (std::isnan(value)) return;
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  counts_[static_cast<std::size_t>(bound - bounds_.begin())].fetch_add(1,
                                                                       std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

struct Metrics::Family {
  std::string help;
  std::string type;
  std::map<std::string, std::unique_ptr<Counter>, std::less<>> counters;
  std::map<std::string, std::unique_ptr<Histogram>, std::less<>> histograms;
  std::map<std::string, std::function<double()>, std::less<>> reads;

  void write(const std::string& name, std::vector<Piece>& out) const {
    out.push_back(
        {"# HELP " + name + " " + escaped(help, false) + "\n# TYPE " + name + " " + type + "\n",
         {}});
    for (const auto& [labels, counter] : counters) {
      out.push_back({name + braces(labels) + " " + std::to_string(counter->value()) + "\n", {}});
    }
    for (const auto& [labels, read] : reads) out.push_back({name + braces(labels) + " ", read});
    for (const auto& [labels, histogram] : histograms) {
      out.push_back({histogram_text(name, labels, *histogram), {}});
    }
  }

  static std::string histogram_text(const std::string& name, const std::string& labels,
                                    const Histogram& histogram) {
    const std::string prefix = name + "_bucket{" + labels + (labels.empty() ? "" : ",") + "le=\"";
    std::string out;
    std::uint64_t count = 0;
    for (std::size_t i = 0; i <= histogram.bounds_.size(); ++i) {
      count += histogram.counts_[i].load(std::memory_order_relaxed);
      const std::string bound =
          i < histogram.bounds_.size() ? number(histogram.bounds_[i]) : "+Inf";
      out += prefix + bound + "\"} " + std::to_string(count) + "\n";
    }
    out += name + "_sum" + braces(labels) + " " +
           number(histogram.sum_.load(std::memory_order_relaxed)) + "\n";
    return out + name + "_count" + braces(labels) + " " + std::to_string(count) + "\n";
  }
};

Metrics::Metrics() = default;
Metrics::~Metrics() = default;

Counter& Metrics::counter(std::string_view family_name, std::string_view help,
                          std::string_view labels) {
  const std::lock_guard lock(mutex_);
  auto& counters = family(family_name, help, "counter").counters;
  const auto found = counters.find(labels);
  if (found != counters.end()) return *found->second;
  return *counters.emplace(labels, std::make_unique<Counter>()).first->second;
}

Histogram& Metrics::histogram(std::string_view family_name, std::string_view help,
                              std::span<const double> bounds, std::string_view labels) {
  const std::lock_guard lock(mutex_);
  auto& histograms = family(family_name, help, "histogram").histograms;
  const auto found = histograms.find(labels);
  if (found != histograms.end()) return *found->second;
  auto made = std::make_unique<Histogram>(std::vector<double>(bounds.begin(), bounds.end()));
  return *histograms.emplace(labels, std::move(made)).first->second;
}

void Metrics::gauge(std::string_view family_name, std::string_view help,
                    std::function<double()> read, std::string_view labels) {
  const std::lock_guard lock(mutex_);
  family(family_name, help, "gauge").reads.insert_or_assign(std::string(labels), std::move(read));
}

void Metrics::counter_of(std::string_view family_name, std::string_view help,
                         std::function<double()> read, std::string_view labels) {
  const std::lock_guard lock(mutex_);
  family(family_name, help, "counter").reads.insert_or_assign(std::string(labels), std::move(read));
}

std::string Metrics::text() const {
  std::vector<Piece> pieces;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, members] : families_) members->write(name, pieces);
  }
  // Outside of the lock: a gauge may take locks of its own whose holders count something here.
  std::string out;
  for (const Piece& piece : pieces) {
    out += piece.text;
    if (piece.read) out += number(piece.read()) + "\n";
  }
  return out;
}

std::vector<double> Metrics::seconds() {
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
}

std::vector<double> Metrics::powers_of_two(int last) {
  constexpr int kMost = 14;
  const int step = last / kMost + 1;
  std::vector<double> bounds;
  for (int i = last % step; i <= last; i += step) bounds.push_back(std::ldexp(1.0, i));
  return bounds;
}

Metrics::Family& Metrics::family(std::string_view name, std::string_view help,
                                 std::string_view type) {
  const auto found = families_.find(name);
  if (found == families_.end()) {
    auto made = std::make_unique<Family>();
    made->help = help;
    made->type = type;
    return *families_.emplace(name, std::move(made)).first->second;
  }
  if (found->second->type != type) {
    throw Error(ErrorCode::kInternal, "metric " + std::string(name) + " is a " +
                                          found->second->type + " and cannot be a " +
                                          std::string(type));
  }
  return *found->second;
}

std::string metric_label(std::string_view name, std::string_view value) {
  return std::string(name) + "=\"" + escaped(value, true) + "\"";
}

}  // namespace nestvec
