// SPDX-License-Identifier: Apache-2.0
// nestvec pull: a model from a hub into the cache, with a bar on a terminal and lines elsewhere.
#include "hub/pull.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <memory>
#include <ostream>

#include "cli/commands.h"
#include "config/model_location.h"

namespace nestvec {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::size_t kBarWidth = 24;
constexpr std::size_t kNameWidth = 32;

constexpr const char* kPullExamples =
    "The model goes into the cache that Python's huggingface_hub shares (HF_HUB_CACHE, "
    "HF_HOME/hub,\n"
    "~/.cache/huggingface/hub); its folder is printed on standard output. A pull that was broken "
    "off\n"
    "goes on where it stopped. HF_TOKEN (or the token file), HF_ENDPOINT, HF_HUB_OFFLINE, "
    "HTTPS_PROXY\n"
    "and NO_PROXY are honoured.\n"
    "\n"
    "Examples:\n"
    "  nestvec pull jinaai/jina-embeddings-v3\n"
    "  nestvec pull jinaai/jina-embeddings-v3@main --include 'onnx/model.onnx*'\n"
    "  HF_TOKEN=hf_... nestvec pull my-org/private-model --endpoint https://hub.example.org\n";

struct PullFlags {
  std::string repo;
  std::string endpoint;
  std::vector<std::string> include;
  bool all = false;
  bool quiet = false;
  std::size_t parallel_files = PullOptions{}.parallel_files;
  std::size_t attempts = RetryPolicy{}.attempts;
};

// "1.2 GB", in powers of 1000 as the hub's pages have it.
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

// The end of a long path says more than its start.
std::string short_name(std::string_view name) {
  if (name.size() <= kNameWidth) return std::string(name);
  return "..." + std::string(name.substr(name.size() - kNameWidth + 3));
}

// Shows events on `err`: a bar that is redrawn on a terminal, finished lines elsewhere.
class PullDisplay {
 public:
  PullDisplay(std::ostream& err, bool terminal, bool quiet)
      : err_(err), terminal_(terminal), quiet_(quiet) {}
  ~PullDisplay() { clear(); }
  PullDisplay(const PullDisplay&) = delete;
  PullDisplay& operator=(const PullDisplay&) = delete;

  void show(const PullEvent& event) {
    if (quiet_) return;
    switch (event.kind) {
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
  bool quiet_;
  bool drawn_ = false;
  Clock::time_point first_;
  Clock::time_point last_;
  std::uint64_t first_bytes_ = 0;
};

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

void print_result(const PullOptions& options, const PullResult& result, bool quiet,
                  CliContext& context) {
  if (!quiet && result.downloaded_files > 0) {
    context.err << options.repo << ": " << result.downloaded_files << " of " << result.files
                << " files downloaded, " << size_text(result.downloaded_bytes) << '\n';
  } else if (!quiet) {
    context.err << options.repo << ": all there, nothing to download\n";
  }
  if (result.non_commercial) {
    context.err << "note: the weights of " << options.repo << " are licensed "
                << upper(result.license)
                << ": no commercial use without another licence from their owner\n";
  }
  if (!result.missing.empty()) {
    context.err << "note: nestvec cannot load " << options.repo << " as it is: it lacks "
                << result.missing << '\n';
  }
  context.out << result.folder << '\n';
}

void run_pull(const PullFlags& flags, CliContext& context) {
  const RepoReference reference = parse_repo_reference(flags.repo);
  PullOptions options = pull_options(context.environment);
  options.repo = reference.repo;
  if (!reference.revision.empty()) options.revision = reference.revision;
  if (!flags.endpoint.empty()) options.endpoint = flags.endpoint;
  options.selection = {.all = flags.all, .include = flags.include};
  options.parallel_files = flags.parallel_files;
  options.retry.attempts = flags.attempts;
  PullResult result;
  {
    PullDisplay display(context.err, context.err_is_terminal, flags.quiet);
    result = pull_model(options, [&](const PullEvent& event) { display.show(event); });
  }
  print_result(options, result, flags.quiet, context);
}

}  // namespace

void add_pull_command(CLI::App& app, CliContext& context) {
  CLI::App* command =
      app.add_subcommand("pull", "Download a model from a Hugging Face hub into the cache");
  const auto flags = std::make_shared<PullFlags>();
  command
      ->add_option("repo", flags->repo, "OWNER/NAME, or OWNER/NAME@REVISION (branch, tag, commit)")
      ->required();
  command->add_option("--endpoint", flags->endpoint,
                      "The hub's address (default: HF_ENDPOINT, then https://huggingface.co)");
  command
      ->add_option("--include", flags->include,
                   "Also files that match this pattern, such as 'onnx/*' (repeatable)")
      ->allow_extra_args(false);
  command->add_flag("--all", flags->all, "Every file of the repository");
  command->add_option("--jobs", flags->parallel_files, "Files to download at once")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_option("--attempts", flags->attempts, "Attempts in a row without progress")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  command->add_flag("-q,--quiet", flags->quiet, "Only the folder, the licence and errors");
  command->footer(kPullExamples);
  command->callback([flags, &context] { run_pull(*flags, context); });
}

}  // namespace nestvec
