// SPDX-License-Identifier: Apache-2.0
// For tests: encoders with random weights, written to disk as any publication lays them out, and
// what they compute, in double precision and with dense weights. Shares no code with what is
// tested.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "compile/model_spec.h"
#include "support/checkpoint.h"

namespace nestvec {

// How the weights are named and divided among files.
enum class Publication { kBert, kXlmRoberta, kJina, kJinaNative };

// A low-rank update of rows [first, first + rows) of a layer.
struct TestUpdate {
  std::size_t first = 0;
  std::size_t rows = 0;
  std::vector<float> a;  // [rank, in]; of a table [table rows, rank]
  std::vector<float> b;  // [rows, rank]; of a table [rank, width]
};

struct TestMatrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<float> values;                     // [rows, columns]
  std::vector<std::vector<TestUpdate>> updates;  // [tasks]
};

class TestModel {
 public:
  // Random weights for `spec`. Native adapters have an update of their own for each of query, key
  // and value; `tied` makes them equal, as converted checkpoints have them.
  TestModel(const ModelSpec& spec, Publication publication, bool tied = true);

  // Writes config.json, weights and adapter folders.
  void save(const std::filesystem::path& folder) const;
  std::string config_json() const;

  // The last hidden states, [ids][hidden]. `task` -1 = base weights.
  std::vector<double> encode(const std::vector<std::int64_t>& ids, std::int64_t task) const;

 private:
  using Rows = std::vector<double>;  // [tokens][width]

  void add_matrix(const std::string& name, std::size_t rows, std::size_t columns, bool is_table);
  void add_vector(const std::string& name, std::size_t size, float around);
  std::vector<float> random(std::size_t size, float scale, float around = 0.0f);
  void add_updates(TestMatrix& matrix, const std::string& name, bool is_table);

  void write(TestCheckpoint& file, const std::string& published, const std::string& name) const;
  void write_stacked(TestCheckpoint& file, const std::string& module, const TestMatrix& matrix,
                     bool is_table) const;
  void write_qkv(TestCheckpoint& file, std::size_t layer) const;
  void save_adapter(const std::filesystem::path& folder, std::size_t task) const;

  std::vector<double> dense(const std::string& name, std::int64_t task) const;
  Rows linear(const Rows& x, const std::string& name, std::int64_t task) const;
  Rows embed(const std::vector<std::int64_t>& ids, std::int64_t task) const;
  Rows attend(const Rows& qkv) const;
  void rotate(double* head, std::size_t position) const;
  void normalize(Rows& x, const std::string& name) const;
  double activate(double x) const;

  ModelSpec spec_;
  Publication publication_;
  bool tied_;
  std::mt19937 engine_{20240917};
  std::map<std::string, TestMatrix> matrices_;
  std::map<std::string, std::vector<float>> vectors_;
};

}  // namespace nestvec
