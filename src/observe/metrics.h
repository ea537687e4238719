// SPDX-License-Identifier: Apache-2.0
// Counters and histograms in Prometheus' text form (exposition format 0.0.4).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nestvec {

class Counter {
 public:
  void add(std::uint64_t count = 1) noexcept { value_.fetch_add(count, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds);  // upper bounds, ascending, without +Inf
  void observe(double value) noexcept;

 private:
  friend class Metrics;
  std::vector<double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;  // one a bound and one for +Inf
  std::atomic<double> sum_{0};
};

// Families by name, members by their labels ("method=\"single\""). References stay valid. Safe for
// concurrent use; looking one up takes a lock, so hot paths keep the reference. A family keeps its
// first kind and help; asking for it as another kind throws Error kInternal.
class Metrics {
 public:
  Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;
  ~Metrics();

  Counter& counter(std::string_view family, std::string_view help, std::string_view labels = "");
  Histogram& histogram(std::string_view family, std::string_view help,
                       std::span<const double> bounds, std::string_view labels = "");
  // Values that are asked for when the text is written, by the thread that writes it: one that
  // goes up and down, and one that only grows, as somebody else counts it.
  void gauge(std::string_view family, std::string_view help, std::function<double()> read,
             std::string_view labels = "");
  void counter_of(std::string_view family, std::string_view help, std::function<double()> read,
                  std::string_view labels = "");

  // Families by name, their members by labels. To be sent as kContentType.
  std::string text() const;
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

  // Bounds of histograms, 14 at most, since each is a line for every route: from a millisecond to
  // half a minute; 2^last and powers below it, each or every second one and so on.
  static std::vector<double> seconds();
  static std::vector<double> powers_of_two(int last);

 private:
  struct Family;
  Family& family(std::string_view name, std::string_view help, std::string_view type);

  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Family>, std::less<>> families_;
};

// NAME="VALUE" with what a value must not hold escaped: one of the labels above.
std::string metric_label(std::string_view name, std::string_view value);

}  // namespace nestvec
