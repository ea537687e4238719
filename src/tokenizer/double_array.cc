// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/double_array.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "nestvec/error.h"

namespace nestvec {
namespace {

constexpr std::size_t kBlock = 256;
constexpr std::size_t kOpenBlocks = 16;  // free places are looked for in so many last blocks

// The first eight bytes as a number that sorts as they do.
std::uint64_t sort_prefix(std::string_view bytes) {
  std::uint64_t prefix = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    prefix = (prefix << 8) | (i < bytes.size() ? static_cast<std::uint8_t>(bytes[i]) : 0U);
  }
  return prefix;
}

// The keys in byte order, of equal ones the last, without the empty one.
std::vector<DoubleArray::Key> sort_keys(std::span<const DoubleArray::Key> keys) {
  struct Entry {
    std::uint64_t prefix;
    std::uint32_t index;
  };
  std::vector<Entry> order;
  order.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].bytes.empty()) continue;
    order.push_back({sort_prefix(keys[i].bytes), static_cast<std::uint32_t>(i)});
  }
  std::sort(order.begin(), order.end(), [&](const Entry& a, const Entry& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    const int compared = keys[a.index].bytes.compare(keys[b.index].bytes);
    return compared != 0 ? compared < 0 : a.index < b.index;
  });
  std::vector<DoubleArray::Key> sorted;
  sorted.reserve(order.size());
  for (const Entry& entry : order) {
    const DoubleArray::Key& key = keys[entry.index];
    if (!sorted.empty() && sorted.back().bytes == key.bytes) sorted.pop_back();
    sorted.push_back(key);
  }
  return sorted;
}

}  // namespace

// Places nodes depth first, so that the nodes of one key lie close together.
class DoubleArrayBuilder {
 public:
  DoubleArrayBuilder(std::span<const DoubleArray::Key> keys, DoubleArray& target)
      : keys_(keys), target_(target) {}

  void build() {
    add_block();  // block 0 stays unused
    first_free_ = kNone;
    pending_.push_back({0, keys_.size(), 0, kNone});
    while (!pending_.empty()) {
      const Range range = pending_.back();
      pending_.pop_back();
      place_children(range);
    }
  }

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};
  // Keys [begin, end) share their first `depth` bytes, which lead to the unit `node`.
  struct Range {
    std::size_t begin;
    std::size_t end;
    std::size_t depth;
    std::size_t node;
  };

  // A child: its label and its keys.
  struct Child {
    std::uint8_t label;
    std::size_t begin;
    std::size_t end;
  };

  void place_children(Range range) {
    if (keys_[range.begin].bytes.size() == range.depth) {
      set_value(range.node, keys_[range.begin].value);
      ++range.begin;
    }
    if (range.begin == range.end) return;
    collect_children(range);
    const std::size_t base = find_base();
    used_bases_[base] = true;
    unit(range.node) |= static_cast<DoubleArray::Node>(base) << DoubleArray::kBaseShift;
    for (const Child& child : children_) take(base ^ child.label, child.label);
    for (std::size_t i = children_.size(); i-- > 0;) {
      const Child& child = children_[i];
      pending_.push_back({child.begin, child.end, range.depth + 1, base ^ child.label});
    }
  }

  void collect_children(const Range& range) {
    children_.clear();
    for (std::size_t i = range.begin; i < range.end;) {
      const char label = keys_[i].bytes[range.depth];
      std::size_t next = i + 1;
      while (next < range.end && keys_[next].bytes[range.depth] == label) ++next;
      children_.push_back({static_cast<std::uint8_t>(label), i, next});
      i = next;
    }
  }

  std::size_t find_base() {
    const std::uint8_t first = children_.front().label;
    for (std::size_t place = first_free_; place != kNone; place = next_free_[place]) {
      const std::size_t base = place ^ first;
      if (!used_bases_[base] && fits(base)) return base;
    }
    add_block();
    // A fresh block: all its places are free and none of its bases is used.
    return target_.units_.size() - kBlock;
  }

  bool fits(std::size_t base) const {
    return std::all_of(children_.begin() + 1, children_.end(), [&](const Child& child) {
      return (target_.units_[base ^ child.label] & DoubleArray::kUsed) == 0;
    });
  }

  void add_block() {
    const std::size_t begin = target_.units_.size();
    if (begin + kBlock > std::size_t{1} << 27) {
      throw Error(ErrorCode::kInvalidArgument, "the vocabulary has more than 2^27 trie nodes");
    }
    target_.units_.resize(begin + kBlock, no_value());
    used_bases_.resize(begin + kBlock, false);
    next_free_.resize(begin + kBlock);
    previous_free_.resize(begin + kBlock);
    for (std::size_t place = begin; place < begin + kBlock; ++place) link(place);
    if (begin >= kOpenBlocks * kBlock) close_block(begin - kOpenBlocks * kBlock);
  }

  // Forgets the free places of an old block: looking there again and again costs too much.
  void close_block(std::size_t begin) {
    for (std::size_t place = begin; place < begin + kBlock; ++place) {
      if (begin > 0 && (target_.units_[place] & DoubleArray::kUsed) == 0) unlink(place);
    }
  }

  void link(std::size_t place) {
    next_free_[place] = kNone;
    previous_free_[place] = first_free_ == kNone ? kNone : last_free_;
    if (first_free_ == kNone) {
      first_free_ = place;
    } else {
      next_free_[last_free_] = place;
    }
    last_free_ = place;
  }

  void unlink(std::size_t place) {
    const std::size_t next = next_free_[place];
    const std::size_t previous = previous_free_[place];
    (previous == kNone ? first_free_ : next_free_[previous]) = next;
    (next == kNone ? last_free_ : previous_free_[next]) = previous;
  }

  void take(std::size_t place, std::uint8_t label) {
    unlink(place);
    target_.units_[place] = no_value() | DoubleArray::kUsed | label;
  }

  static DoubleArray::Node no_value() {
    return static_cast<DoubleArray::Node>(DoubleArray::kNoValue) << DoubleArray::kValueShift;
  }

  DoubleArray::Node& unit(std::size_t node) {
    return node == kNone ? target_.root_ : target_.units_[node];
  }

  void set_value(std::size_t node, std::uint32_t value) {
    if (value >= DoubleArray::kNoValue) {
      throw Error(ErrorCode::kInvalidArgument,
                  "token id " + std::to_string(value) + " is too large, at most 268435454 is read");
    }
    DoubleArray::Node& target = unit(node);
    target &= (DoubleArray::Node{1} << DoubleArray::kValueShift) - 1;
    target |= static_cast<DoubleArray::Node>(value) << DoubleArray::kValueShift;
  }

  std::span<const DoubleArray::Key> keys_;
  DoubleArray& target_;
  std::vector<Range> pending_;
  std::vector<Child> children_;
  std::vector<bool> used_bases_;
  // A list of the free places of the open blocks.
  std::vector<std::size_t> next_free_;
  std::vector<std::size_t> previous_free_;
  std::size_t first_free_ = kNone;
  std::size_t last_free_ = kNone;
};

DoubleArray::DoubleArray() : DoubleArray(std::span<const Key>()) {}

DoubleArray::DoubleArray(std::span<const Key> keys)
    : root_(static_cast<Node>(kNoValue) << kValueShift) {
  const std::vector<Key> sorted = sort_keys(keys);
  if (sorted.empty()) {
    units_.resize(kBlock, root_);
    return;
  }
  DoubleArrayBuilder(sorted, *this).build();
  units_.shrink_to_fit();
}

bool DoubleArray::walk(Node& node, std::string_view bytes) const noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [&](char byte) { return step(node, byte); });
}

std::uint32_t DoubleArray::find(std::string_view key) const noexcept {
  Node node = root_;
  return walk(node, key) ? value(node) : kNoValue;
}

}  // namespace nestvec
