// SPDX-License-Identifier: Apache-2.0
#include "weights/torch_pickle.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "base/excerpt.h"
#include "weights/torch_pickle_names.h"
#include "weights/torch_zip.h"

namespace nestvec {
namespace {

enum class PickleKind { kNone, kBool, kInteger, kText, kGlobal, kTuple, kTable, kStorage, kTensor };

std::string_view kind_name(PickleKind kind) {
  static constexpr std::array<std::string_view, 9> kNames = {"None",    "a bool",    "an integer",
                                                             "a text",  "a name",    "a tuple",
                                                             "a table", "a storage", "a tensor"};
  return kNames.at(static_cast<std::size_t>(kind));
}

// Sizes and names that stand beside tensors.
bool is_plain(PickleKind kind) {
  return kind == PickleKind::kInteger || kind == PickleKind::kBool || kind == PickleKind::kText;
}

// A value of the stack. Tuples, tables, storages and tensors are places in their lists, so a value
// that the pickle names twice costs nothing.
struct PickleValue {
  PickleKind kind = PickleKind::kNone;
  std::int64_t number = 0;  // a bool, an integer, a place in kPickleNames, or a place in a list
  std::string_view text;
};

struct PickledStorage {
  DataType type;
  std::string_view key;
  std::int64_t elements;
};

class PickleReader {
 public:
  PickleReader(std::span<const std::byte> pickle, const std::string& path, std::size_t offset)
      : pickle_(pickle), path_(path), offset_(offset) {}

  std::vector<PickledTensor> read() {
    if (pickle_.size() > kMaxPickleBytes) {
      throw unsupported("the table of tensors has " + std::to_string(pickle_.size()) +
                        " bytes, the limit is " + std::to_string(kMaxPickleBytes));
    }
    for (std::size_t steps = 0; !stopped_; ++steps) {
      if (steps == kMaxPickleOpcodes) {
        throw unsupported("the table of tensors takes over " + std::to_string(kMaxPickleOpcodes) +
                          " steps");
      }
      opcode_at_ = at_;
      step(take(1)[0]);
    }
    if (at_ != pickle_.size()) throw broken("bytes follow the end of the table");
    if (!marks_.empty() || stack_.size() != 1) throw broken("the table is not closed");
    const PickleValue root = pop(PickleKind::kTable);
    collect(root, "", 0);
    return std::move(named_);
  }

 private:
  Error error(ErrorCode code, const std::string& what) const {
    return torch_error(code, path_, offset_ + opcode_at_, what);
  }
  Error broken(const std::string& what) const {
    return error(ErrorCode::kDataLoss, what + "; the file is damaged, fetch it again");
  }
  Error unsupported(const std::string& what) const {
    return error(ErrorCode::kUnimplemented,
                 what +
                     "; only a table of tensors is read and nothing is executed: save the "
                     "state_dict() of the module, or safetensors");
  }

  std::string_view take(std::size_t size) {
    if (size > pickle_.size() - at_) throw broken("the table of tensors ends too early");
    const auto* begin = reinterpret_cast<const char*>(pickle_.data()) + at_;
    at_ += size;
    return {begin, size};
  }

  template <typename T>
  T take_number() {
    T value;
    const std::string_view bytes = take(sizeof(T));
    std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }

  std::string_view take_line() {
    constexpr std::size_t kMaxLine = 256;
    const std::size_t left = std::min(pickle_.size() - at_, kMaxLine);
    const std::string_view rest(reinterpret_cast<const char*>(pickle_.data()) + at_, left);
    const std::size_t size = rest.find('\n');
    if (size == std::string_view::npos) throw broken("a name does not end");
    return take(size + 1).substr(0, size);
  }

  void push(PickleKind kind, std::int64_t number = 0, std::string_view text = {}) {
    stack_.push_back({kind, number, text});
  }

  PickleValue pop() {
    const std::size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() <= floor) throw broken("a value is missing");
    const PickleValue value = stack_.back();
    stack_.pop_back();
    return value;
  }

  PickleValue pop(PickleKind kind) { return expect(pop(), kind); }

  PickleValue expect(PickleValue value, PickleKind kind) const {
    if (value.kind == kind) return value;
    throw unsupported("found " + std::string(kind_name(value.kind)) + ", expected " +
                      std::string(kind_name(kind)));
  }

  std::vector<PickleValue> pop_to_mark() {
    if (marks_.empty()) throw broken("a mark is missing");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleValue> values(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return values;
  }

  std::vector<PickleValue> pop_last(std::size_t count) {
    std::vector<PickleValue> values(count);
    while (count > 0) values[--count] = pop();
    return values;
  }

  // One opcode of the pickle machine, in the order of Python's pickletools.
  void step(char opcode) {
    switch (opcode) {
      case '\x80':
        return check_protocol();
      case '}':
        return push_table();
      case '(':
        return marks_.push_back(stack_.size());
      case 'X':
        return push(PickleKind::kText, 0, take(take_number<std::uint32_t>()));
      case 'c':
        return push_global();
      case 'q':
        return remember(take_number<std::uint8_t>());
      case 'r':
        return remember(take_number<std::uint32_t>());
      case 'h':
        return recall(take_number<std::uint8_t>());
      case 'j':
        return recall(take_number<std::uint32_t>());
      case ')':
        return push_tuple({});
      case 't':
        return push_tuple(pop_to_mark());
      case '\x85':
      case '\x86':
      case '\x87':
        return push_tuple(pop_last(static_cast<std::uint8_t>(opcode) - 0x84u));
      case 'R':
        return reduce();
      case 'Q':
        return push_storage();
      default:
        return step_value(opcode);
    }
  }

  void step_value(char opcode) {
    switch (opcode) {
      case 'J':
        return push(PickleKind::kInteger, take_number<std::int32_t>());
      case 'K':
        return push(PickleKind::kInteger, take_number<std::uint8_t>());
      case 'M':
        return push(PickleKind::kInteger, take_number<std::uint16_t>());
      case '\x8a':
        return push_long();
      case '\x88':
      case '\x89':
        return push(PickleKind::kBool, opcode == '\x88' ? 1 : 0);
      case 's':
        return set_items(pop_last(2));
      case 'u':
        return set_items(pop_to_mark());
      case 'b':
        return build();
      case '.':
        stopped_ = true;
        return;
      default:
        throw unsupported("opcode " + std::to_string(static_cast<std::uint8_t>(opcode)) +
                          " of the pickle is not known");
    }
  }

  void check_protocol() {
    const auto protocol = take_number<std::uint8_t>();
    if (protocol != 2) {
      throw unsupported("the pickle has protocol " + std::to_string(protocol) + ", expected 2");
    }
  }

  // A whole number in two's complement, of as many bytes as its length says.
  void push_long() {
    const auto size = take_number<std::uint8_t>();
    if (size > sizeof(std::int64_t)) throw unsupported("a number has over 64 bits");
    const std::string_view digits = take(size);
    std::uint64_t bits = !digits.empty() && (digits.back() & 0x80) != 0 ? ~std::uint64_t{0} : 0;
    std::memcpy(&bits, digits.data(), digits.size());
    push(PickleKind::kInteger, static_cast<std::int64_t>(bits));
  }

  void push_table() {
    tables_.emplace_back();
    push(PickleKind::kTable, static_cast<std::int64_t>(tables_.size() - 1));
  }

  void push_tuple(std::vector<PickleValue> values) {
    tuples_.push_back(std::move(values));
    push(PickleKind::kTuple, static_cast<std::int64_t>(tuples_.size() - 1));
  }

  void push_global() {
    std::string name(take_line());
    name += " " + std::string(take_line());
    for (std::size_t i = 0; i < kPickleNames.size(); ++i) {
      if (kPickleNames[i].name != name) continue;
      return push(PickleKind::kGlobal, static_cast<std::int64_t>(i));
    }
    throw unsupported("the pickle asks for " + excerpt(name) + " of Python");
  }

  const PickleName& global(const PickleValue& value, PickleGlobal wanted) const {
    const PickleName& name =
        kPickleNames.at(static_cast<std::size_t>(expect(value, PickleKind::kGlobal).number));
    if (name.global != wanted) throw unsupported(std::string(name.name) + " stands out of place");
    return name;
  }

  void remember(std::uint32_t place) {
    if (stack_.empty()) throw broken("a value is missing");
    memo_[place] = stack_.back();
  }

  void recall(std::uint32_t place) {
    const auto found = memo_.find(place);
    if (found == memo_.end()) throw broken("value " + std::to_string(place) + " is not known");
    stack_.push_back(found->second);
  }

  const std::vector<PickleValue>& tuple(const PickleValue& value) const {
    return tuples_.at(static_cast<std::size_t>(expect(value, PickleKind::kTuple).number));
  }

  // A call of one of the two functions that a table of tensors needs.
  void reduce() {
    const PickleValue arguments = pop(PickleKind::kTuple);
    const PickleValue function = pop(PickleKind::kGlobal);
    const std::size_t count = tuple(arguments).size();
    if (kPickleNames.at(static_cast<std::size_t>(function.number)).global ==
        PickleGlobal::kOrderedDict) {
      if (count != 0) throw unsupported("OrderedDict is given arguments");
      return push_table();
    }
    global(function, PickleGlobal::kRebuildTensor);
    if (count != 6) {
      throw unsupported("a tensor has " + std::to_string(count) + " arguments, expected 6");
    }
    push_tensor(tuple(arguments));
  }

  // storage, offset, shape, strides, requires_grad, hooks; the last two say nothing here.
  void push_tensor(const std::vector<PickleValue>& arguments) {
    if (tensors_.size() == kMaxPickledTensors) {
      throw unsupported("the table has over " + std::to_string(kMaxPickledTensors) + " tensors");
    }
    const auto place = static_cast<std::size_t>(expect(arguments[0], PickleKind::kStorage).number);
    const PickledStorage& storage = storages_.at(place);
    PickledTensor tensor;
    tensor.type = storage.type;
    tensor.storage = storage.key;
    tensor.elements = storage.elements;
    tensor.offset = expect(arguments[1], PickleKind::kInteger).number;
    tensor.shape = numbers(arguments[2]);
    tensor.strides = numbers(arguments[3]);
    expect(arguments[4], PickleKind::kBool);
    expect(arguments[5], PickleKind::kTable);
    tensors_.push_back(std::move(tensor));
    push(PickleKind::kTensor, static_cast<std::int64_t>(tensors_.size() - 1));
  }

  std::vector<std::int64_t> numbers(const PickleValue& value) const {
    const std::vector<PickleValue>& values = tuple(value);
    if (values.size() > kMaxPickledAxes) {
      throw unsupported("a tensor has " + std::to_string(values.size()) + " axes, the limit is " +
                        std::to_string(kMaxPickledAxes));
    }
    std::vector<std::int64_t> out;
    for (const PickleValue& one : values) out.push_back(expect(one, PickleKind::kInteger).number);
    return out;
  }

  // A persistent id: ("storage", type, key, device, elements).
  void push_storage() {
    const std::vector<PickleValue>& id = tuple(pop(PickleKind::kTuple));
    if (id.size() != 5 || expect(id[0], PickleKind::kText).text != "storage") {
      throw unsupported("a storage is not named as torch names it");
    }
    PickledStorage storage;
    storage.type = global(id[1], PickleGlobal::kStorageType).type;
    storage.key = expect(id[2], PickleKind::kText).text;
    expect(id[3], PickleKind::kText);  // the device it was saved from
    storage.elements = expect(id[4], PickleKind::kInteger).number;
    storages_.push_back(storage);
    push(PickleKind::kStorage, static_cast<std::int64_t>(storages_.size() - 1));
  }

  // Keys and values in turn, into the table below them.
  void set_items(const std::vector<PickleValue>& items) {
    if (items.size() % 2 != 0) throw broken("a key has no value");
    const PickleValue table = pop(PickleKind::kTable);
    for (std::size_t i = 0; i < items.size(); i += 2) {
      expect(items[i], PickleKind::kText);
      tables_.at(static_cast<std::size_t>(table.number)).emplace_back(items[i].text, items[i + 1]);
    }
    stack_.push_back(table);
  }

  // torch gives a state dict an attribute with the versions of its modules, which means nothing
  // here.
  void build() {
    pop(PickleKind::kTable);
    stack_.push_back(pop(PickleKind::kTable));
  }

  void collect(const PickleValue& table, const std::string& prefix, int depth) {
    constexpr int kMaxDepth = 4;
    if (depth == kMaxDepth) throw unsupported("tables are nested too deeply");
    for (const auto& [key, value] : tables_.at(static_cast<std::size_t>(table.number))) {
      if (++collected_ > kMaxPickledTensors || prefix.size() + key.size() > kMaxPickledName) {
        throw unsupported("the table has over " + std::to_string(kMaxPickledTensors) +
                          " tensors or a name over " + std::to_string(kMaxPickledName) + " bytes");
      }
      const std::string name = prefix + std::string(key);
      if (value.kind == PickleKind::kTable) {
        collect(value, name + ".", depth + 1);
        continue;
      }
      if (is_plain(value.kind)) continue;
      if (value.kind != PickleKind::kTensor) {
        throw unsupported(excerpt(name) + " is " + std::string(kind_name(value.kind)) +
                          ", expected a tensor");
      }
      named_.push_back(tensors_.at(static_cast<std::size_t>(value.number)));
      named_.back().name = name;
    }
  }

  std::span<const std::byte> pickle_;
  const std::string& path_;
  std::size_t offset_;
  std::size_t at_ = 0;
  std::size_t opcode_at_ = 0;
  bool stopped_ = false;
  std::vector<PickleValue> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, PickleValue> memo_;
  std::vector<std::vector<PickleValue>> tuples_;
  std::vector<std::vector<std::pair<std::string_view, PickleValue>>> tables_;
  std::vector<PickledStorage> storages_;
  std::vector<PickledTensor> tensors_, named_;
  std::size_t collected_ = 0;
};

}  // namespace

std::vector<PickledTensor> read_torch_pickle(std::span<const std::byte> pickle,
                                             const std::string& path, std::size_t offset) {
  return PickleReader(pickle, path, offset).read();
}

}  // namespace nestvec
