// SPDX-License-Identifier: Apache-2.0
#include "cli/pull_display.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <istream>
#include <ostream>

#include "hub/repo_info.h"

namespace nestvec {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::size_t kBarWidth = 24;
constexpr std::size_t kNameWidth = 32;

// The end of a long path says more than its start.
std::string short_name(std::string_view name) {
  if (name.size() <= kNameWidth) return std::string(name);
  return "..." + std::string(name.substr(name.size() - kNameWidth + 3));
}

// Shows events on `err`: a bar that is redrawn on a terminal, finished lines elsewhere.
class PullDisplay {
 public:
  PullDisplay(std::ostream& err, bool terminal, const PullTalk& talk)
      : err_(err), terminal_(terminal && !talk.lines), talk_(talk) {}
  ~PullDisplay() { clear(); }
  PullDisplay(const PullDisplay&) = delete;
  PullDisplay& operator=(const PullDisplay&) = delete;

  void show(const PullEvent& event) {
    if (talk_.quiet) return;
    switch (event.kind) {
      case PullEvent::Kind::kPlanned:
        break;
      case PullEvent::Kind::kNote:
        print_line(std::string(event.message));
        break;
      case PullEvent::Kind::kFinished:
        print_line("[" + std::to_string(event.files_done) + "/" +
                   std::to_string(event.files_total) + "] " + std::string(event.file) + "  " +
                   size_text(event.file_bytes));
        break;
      case PullEvent::Kind::kStarted:
      case PullEvent::Kind::kProgress:
        if (terminal_) draw(event);
        break;
    }
  }

  void print_line(const std::string& line) {
    if (talk_.lines) {
      talk_.lines(line);
      return;
    }
    clear();
    err_ << line << '\n';
    err_.flush();
  }

 private:
  void clear() {
    if (drawn_) err_ << "\r\x1b[K";
    drawn_ = false;
  }

  void draw(const PullEvent& event) {
    const Clock::time_point now = Clock::now();
    if (drawn_ && now - last_ < kRedraw) return;
    if (first_ == Clock::time_point()) {
      first_ = now;
      first_bytes_ = event.bytes_done;
    }
    last_ = now;
    const double share = event.bytes_total == 0 ? 1.0
                                                : static_cast<double>(event.bytes_done) /
                                                      static_cast<double>(event.bytes_total);
    const auto filled =
        static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(kBarWidth));
    clear();
    err_ << '[' << std::string(filled, '#') << std::string(kBarWidth - filled, '.') << "] "
         << size_text(event.bytes_done) << " / " << size_text(event.bytes_total) << rate(event, now)
         << "  " << short_name(event.file);
    err_.flush();
    drawn_ = true;
  }

  std::string rate(const PullEvent& event, Clock::time_point now) const {
    const double seconds = std::chrono::duration<double>(now - first_).count();
    if (seconds < 1 || event.bytes_done <= first_bytes_) return {};
    const double per_second = static_cast<double>(event.bytes_done - first_bytes_) / seconds;
    return "  " + size_text(static_cast<std::uint64_t>(per_second)) + "/s";
  }

  std::ostream& err_;
  bool terminal_;
  const PullTalk& talk_;
  bool drawn_ = false;
  Clock::time_point first_;
  Clock::time_point last_;
  std::uint64_t first_bytes_ = 0;
};

std::string upper(std::string_view license) {
  std::string text(license);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string license_text(std::string_view license) {
  if (license.empty()) return "not stated";
  return upper(license) + (is_non_commercial(license) ? " (no commercial use)" : "");
}

std::string plan_text(const PullOptions& options, const PullEvent& event) {
  return options.repo + ": " + size_text(event.bytes_total) + " in " +
         std::to_string(event.files_total) + (event.files_total == 1 ? " file" : " files") +
         ", licence " + license_text(event.license) + ", into " + options.cache_folder;
}

// Enter is yes; the end of the input is no.
bool wants_download(CliContext& context) {
  context.err << "Download it? [Y/n] ";
  context.err.flush();
  std::string answer;
  if (!std::getline(context.in, answer)) {
    context.err << '\n';
    return false;
  }
  return answer.empty() || answer[0] == 'y' || answer[0] == 'Y';
}

// Ends a download that is not wanted, and is no error.
struct Declined {};

}  // namespace

std::string size_text(std::uint64_t bytes) {
  static constexpr std::array kUnits = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  std::array<char, 48> text;
  std::snprintf(text.data(), text.size(), unit == 0 || value >= 99.95 ? "%.0f %s" : "%.1f %s",
                value, kUnits[unit]);
  return text.data();
}

std::string license_note(const std::string& repo, const std::string& license) {
  return "the weights of " + repo + " are licensed " + upper(license) +
         ": no commercial use without another licence from their owner";
}

bool can_ask(const CliContext& context) {
  return context.in_is_terminal && context.err_is_terminal;
}

std::optional<PullResult> pull_with_display(const PullOptions& options, const PullTalk& talk,
                                            CliContext& context) {
  PullDisplay display(context.err, context.err_is_terminal, talk);
  const auto observe = [&](const PullEvent& event) {
    if (talk.stop.stop_requested()) throw Error(ErrorCode::kCancelled, "the download was stopped");
    if (event.kind == PullEvent::Kind::kPlanned && !talk.quiet) {
      display.print_line(plan_text(options, event));
      if (talk.ask && !wants_download(context)) throw Declined();
    }
    display.show(event);
  };
  try {
    return pull_model(options, observe);
  } catch (const Declined&) {
    return std::nullopt;
  }
}

}  // namespace nestvec
