// SPDX-License-Identifier: Apache-2.0
// What waits for the model, and the choice of what shares its next run.
#pragma once

#include <cstddef>
#include <deque>
#include <iterator>
#include <utility>
#include <vector>

namespace nestvec {

// Items leave nearly as they came: the oldest is in the next batch always, and those behind it pass
// one another only to fill a batch. Not thread-safe.
template <typename Item>
class PackWindow {
 public:
  bool empty() const noexcept { return items_.empty(); }
  std::size_t size() const noexcept { return items_.size(); }

  void push(Item item) { items_.push_back(std::move(item)); }
  // Items of a batch that did not run; they come before all others.
  void put_back(std::vector<Item> items) {
    items_.insert(items_.begin(), std::make_move_iterator(items.begin()),
                  std::make_move_iterator(items.end()));
  }

  // The oldest, and then each that fits in what is left of `tokens`, in their order. `size_of`
  // gives the tokens of an item.
  template <typename SizeOf>
  std::vector<Item> take(std::size_t tokens, const SizeOf& size_of) {
    std::vector<Item> batch;
    std::deque<Item> left;
    std::size_t used = 0;
    for (Item& item : items_) {
      const std::size_t size = size_of(item);
      if (batch.empty() || used + size <= tokens) {
        used += size;
        batch.push_back(std::move(item));
      } else {
        left.push_back(std::move(item));
      }
    }
    items_ = std::move(left);
    return batch;
  }

 private:
  std::deque<Item> items_;
};

}  // namespace nestvec
