// SPDX-License-Identifier: Apache-2.0
// A compiled graph with changes to its nodes, weights and values is refused when it is opened, or
// runs within its memory. The first byte chooses the graph; ten bytes are a change: what, where,
// and a number.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "expect_one_line.h"
#include "support/compiled_graph.h"
#include "support/folders.h"

namespace {

namespace fs = std::filesystem;
namespace onnx = nestvec::onnx;
using nestvec::CompiledGraph;

// A folder that goes with the process.
class Folder {
 public:
  Folder() {
    std::string path = (fs::temp_directory_path() / "nestvec-fuzz-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) std::abort();
    path_ = path;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

const std::vector<CompiledGraph>& graphs() {
  static const Folder kFolder;
  static const std::vector<CompiledGraph> kAll =
      nestvec::compiled_graphs(nestvec::test_data() + "/../models/", kFolder.path());
  return kAll;
}

struct Change {
  std::uint8_t kind;
  std::uint8_t place;
  std::int64_t number;
};

// The element of a repeated field that `place` chooses; null where there is none.
template <class Field>
auto* element(Field* field, std::size_t place) {
  return field->empty() ? nullptr : field->Mutable(static_cast<int>(place) % field->size());
}

void change_node(const Change& change, onnx::GraphProto& graph) {
  onnx::NodeProto* node = element(graph.mutable_node(), change.place);
  if (node == nullptr) return;
  const auto number = static_cast<std::uint64_t>(change.number);
  if (change.kind % 4 == 0 && node->input_size() > 0) {
    const int values = graph.initializer_size() + graph.node_size();
    const int value = static_cast<int>(number / 32 % static_cast<std::uint64_t>(values + 1));
    std::string name;
    if (value < graph.initializer_size())
      name = graph.initializer(value).name();
    else if (value < values)
      name = graph.node(value - graph.initializer_size()).output(0);
    node->set_input(static_cast<int>(number % 32) % node->input_size(), name);
  } else if (change.kind % 4 == 1) {
    if (auto* attribute = element(node->mutable_attribute(), number % 32)) attribute->clear_name();
  } else if (change.kind % 4 == 2) {
    node->set_op_type(graph.node(static_cast<int>(number % 8) % graph.node_size()).op_type());
  } else {
    node->clear_input();
  }
}

void change_weight(const Change& change, onnx::GraphProto& graph) {
  onnx::TensorProto* weight = element(graph.mutable_initializer(), change.place);
  if (weight == nullptr) return;
  const auto number = static_cast<std::uint64_t>(change.number);
  switch (change.kind % 4) {
    case 0:
      if (weight->dims_size() > 0) weight->set_dims(0, change.number);
      break;
    case 1:
      weight->set_data_type(static_cast<int>(number % 24));
      break;
    case 2:
      weight->mutable_raw_data()->resize(number % 70000);
      break;
    default:
      if (auto* entry = element(weight->mutable_external_data(), change.kind / 4)) {
        entry->set_value(std::to_string(change.number));
      }
  }
}

void change_value(const Change& change, onnx::GraphProto& graph) {
  onnx::ValueInfoProto* value = change.kind % 2 == 0
                                    ? element(graph.mutable_value_info(), change.place)
                                    : element(graph.mutable_output(), change.place);
  if (value == nullptr) return;
  auto* shape = value->mutable_type()->mutable_tensor_type()->mutable_shape();
  if (auto* dim = element(shape->mutable_dim(), change.kind / 2)) dim->set_dim_value(change.number);
}

void apply(const Change& change, onnx::GraphProto& graph) {
  // Numbers of attributes are what the nodes trust most, so most changes go there.
  if (change.kind < 128) {
    onnx::NodeProto* node = element(graph.mutable_node(), change.place);
    auto* attribute = node == nullptr ? nullptr : element(node->mutable_attribute(), change.kind);
    if (attribute != nullptr) attribute->set_i(change.number);
  } else if (change.kind < 176) {
    change_node(change, graph);
  } else if (change.kind < 232) {
    change_weight(change, graph);
  } else {
    change_value(change, graph);
  }
}

// Small numbers, neighbours of the powers of two, or any.
std::int64_t number_of(const std::uint8_t* bytes) {
  std::uint64_t any = 0;
  std::memcpy(&any, bytes, sizeof(any));
  const std::uint64_t low = any & 0xFF;
  switch (any >> 62) {
    case 0:
      return static_cast<std::int64_t>(low);
    case 1:
      return static_cast<std::int64_t>((std::uint64_t{1} << (low & 63)) + (any >> 8 & 3) - 1);
    case 2:
      return static_cast<std::int64_t>(any & 0xFFFF);
    default:
      return static_cast<std::int64_t>(any);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kChange = 10;
  if (size == 0) return 0;
  const CompiledGraph& graph = graphs()[data[0] % graphs().size()];
  onnx::ModelProto model = graph.model();
  for (std::size_t i = 1; i + kChange <= size && i < 8 * kChange; i += kChange) {
    apply({data[i], data[i + 1], number_of(data + i + 2)}, *model.mutable_graph());
  }
  if (const auto error = graph.outcome(model)) {
    expect_one_line(error->what());
    if (error->what() == std::string("rows of another size than the session says")) std::abort();
  }
  return 0;
}
