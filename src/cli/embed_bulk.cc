// SPDX-License-Identifier: Apache-2.0
#include "cli/embed_bulk.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ostream>

#include "bulk/bulk_run.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/model_kind.h"
#include "cli/text_argument.h"
#include "cli/usage.h"

namespace nestvec {
namespace {

constexpr const char* kGroup = "With --input (docs/bulk.md)";

// A bar that is redrawn, or a line of JSON a second.
class ProgressDisplay {
 public:
  enum class Kind { kNone, kBar, kJson };

  ProgressDisplay(Kind kind, std::ostream& err) : kind_(kind), err_(err) {}
  ~ProgressDisplay() { clear(); }
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  void show(const BulkProgress& progress) {
    if (kind_ == Kind::kNone) return;
    const Clock::time_point now = Clock::now();
    if (now - last_ < (kind_ == Kind::kBar ? kRedraw : kLine)) return;
    last_ = now;
    if (kind_ == Kind::kBar) {
      err_ << "\r\x1b[K" << progress_text(progress);
      drawn_ = true;
    } else {
      err_ << progress_json(progress, "progress") << '\n';
    }
    err_.flush();
  }

  void end(const BulkProgress& progress, const std::string& event) {
    clear();
    if (kind_ == Kind::kJson) err_ << progress_json(progress, event) << '\n';
    err_.flush();
  }

  void clear() {
    if (drawn_) err_ << "\r\x1b[K";
    drawn_ = false;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kRedraw{200};
  static constexpr std::chrono::milliseconds kLine{1000};

  Kind kind_;
  std::ostream& err_;
  bool drawn_ = false;
  Clock::time_point last_ = Clock::now();
};

ProgressDisplay::Kind display_kind(const EmbedFlags& flags, const CliContext& context) {
  const std::string& name = flags.bulk.progress;
  if (name == "json") return ProgressDisplay::Kind::kJson;
  if (name == "bar") return ProgressDisplay::Kind::kBar;
  const bool bar = name == "auto" && context.err_is_terminal && !flags.model.quiet;
  return bar ? ProgressDisplay::Kind::kBar : ProgressDisplay::Kind::kNone;
}

BulkOptions bulk_options(const EmbedFlags& flags) {
  const BulkFlags& bulk = flags.bulk;
  if (!flags.texts.empty() || !flags.file.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "--input takes files, and texts or --file were given too; leave one out");
  }
  if (flags.output.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "--input needs --output PATH, with a name in .npy, .jsonl or .f32");
  }
  BulkOptions options;
  options.inputs = bulk.inputs;
  if (flags.json_lines) options.rows.format = RowFormat::kJsonLines;
  if (!bulk.input_format.empty()) options.rows.format = parse_row_format(bulk.input_format);
  options.rows.delimiter = parse_delimiter(bulk.delimiter);
  if (options.rows.delimiter != '\0' && !options.rows.format) options.rows.format = RowFormat::kCsv;
  options.rows.force_text = bulk.force_text;
  options.rows.text = bulk.field;
  options.rows.id = bulk.id;
  options.rows.task = bulk.task_field;
  options.output.path = flags.output;
  options.output.format =
      flags.format_given ? parse_vector_format(flags.format) : guess_vector_format(flags.output);
  options.output.type = parse_value_type(bulk.dtype);
  options.output.sparse = flags.sparse;
  if (flags.dimensions_given) check_format(options.output.type, flags.dimensions);
  check_sparse_flags(flags);
  options.embed.late_chunking = flags.options.late_chunking;
  options.on_error = parse_on_error(bulk.on_error);
  options.dedupe = bulk.dedupe;
  options.resume = bulk.resume;
  options.restart = bulk.restart;
  options.checkpoint_seconds = bulk.checkpoint_seconds;
  return options;
}

// What is said in the end, unless JSON has said it.
void print_summary(const BulkSummary& summary, const BulkOptions& options, std::ostream& err) {
  err << "nestvec: " << (summary.interrupted ? "interrupted: " : "")
      << summary_text(summary.progress);
  if (summary.progress.counts.bad > 0) {
    const std::string path = options.output.errors_path();
    err << "; see " << (summary.interrupted ? partial_path(path) : path);
  }
  if (summary.repaired > 0) {
    err << "; " << summary.repaired << (summary.repaired == 1 ? " row" : " rows")
        << " had bytes that are not UTF-8, which became U+FFFD, the first at "
        << summary.first_repaired;
  }
  if (summary.interrupted) err << "; run the same command with --resume to continue";
  err << '\n';
  err.flush();
}

}  // namespace

void run_embed_bulk(const EmbedFlags& flags, CliContext& context) {
  BulkOptions options = bulk_options(flags);
  // What cannot be opened is told before a model is loaded, which may take long.
  BulkRun run(options);
  const auto check = [&flags](const ModelInfo& outline) {
    check_embeds(outline);
    embed_options(flags, outline);
  };
  const Model model = load_chosen_model(flags.model, context, check);
  check_embeds(model.info());
  check_makes(model.info(), flags.sparse);
  const EmbedOptions embed = embed_options(flags, model.info());
  run.set_embed_options(embed);

  const InterruptGuard guard;
  const auto kind = display_kind(flags, context);
  ProgressDisplay display(kind, context.err);
  bool told = false;
  BulkHooks hooks;
  hooks.progress = [&](const BulkProgress& progress) { display.show(progress); };
  hooks.interrupted = [&] {
    if (!interrupt_requested()) return false;
    if (!told && !flags.model.quiet && kind != ProgressDisplay::Kind::kJson) {
      display.clear();
      context.err << "nestvec: finishing the current batch; press Ctrl-C again to stop now\n";
    }
    told = true;
    return true;
  };
  const BulkSummary summary = run.run(model, hooks);
  display.end(summary.progress, summary.interrupted ? "interrupted" : "done");
  const bool bad = summary.progress.counts.bad > 0;
  const bool says = kind != ProgressDisplay::Kind::kJson && (!flags.model.quiet || bad);
  if (says) print_summary(summary, options, context.err);
  if (summary.interrupted) throw Error(ErrorCode::kCancelled, "interrupted");
  if (bad) context.exit_code = kExitBadRows;
}

namespace {

void add_input_options(CLI::App& command, BulkFlags& flags) {
  const CLI::callback_t store = [&flags](const CLI::results_t& results) {
    flags.inputs = results;
    for (std::string& input : flags.inputs) unmark_argument(input);
    return true;
  };
  command
      .add_option("--input", store,
                  "Embed whole files (JSON Lines, CSV, TSV, lines; also .gz, .zst), patterns such "
                  "as 'data/*.csv', or - for standard input; needs --output")
      ->type_name("FILE...")
      ->expected(1, -1)
      ->allow_extra_args();
  command
      .add_option("--input-format", flags.input_format,
                  "Format of the files; if not given, their names decide, else lines")
      ->type_name("lines|jsonl|csv|tsv")
      ->group(kGroup);
  command.add_option("--field", flags.field, "Name of the member or column that holds the text")
      ->type_name("NAME")
      ->capture_default_str()
      ->group(kGroup);
  command
      .add_option("--id", flags.id,
                  "Name of the member or column that holds the row's id; if not given, the id is "
                  "the number of the row, from 0")
      ->type_name("NAME")
      ->group(kGroup);
  command
      .add_option("--delimiter", flags.delimiter,
                  "Separator of the columns of CSV: one character, or tab; if not given, a comma")
      ->type_name("C")
      ->group(kGroup);
  command
      .add_option("--task-field", flags.task_field,
                  "Name of the member or column that holds a task in place of --task")
      ->type_name("NAME")
      ->group(kGroup);
}

void add_run_options(CLI::App& command, BulkFlags& flags) {
  command
      .add_option("--dtype", flags.dtype,
                  "Type of the values in .npy; int8 and uint8 have their scales in a second file")
      ->type_name(array_format_names("|"))
      ->capture_default_str()
      ->group(kGroup);
  command
      .add_option("--on-error", flags.on_error,
                  "What to do with a row that cannot be embedded: end the run, skip the row, or "
                  "write a row without a vector")
      ->type_name("fail|skip|null")
      ->capture_default_str()
      ->group(kGroup);
  command.add_flag("--dedupe", flags.dedupe, "Embed equal texts only once")->group(kGroup);
  command.add_flag("--resume", flags.resume, "Resume an interrupted run")->group(kGroup);
  command.add_flag("--restart", flags.restart, "Start again and discard an interrupted run")
      ->group(kGroup);
  command
      .add_option("--checkpoint-seconds", flags.checkpoint_seconds,
                  "Save progress at this interval; a power cut loses at most this much work")
      ->check(CLI::Range(0.0, 86400.0).description(""))
      ->type_name("SECONDS")
      ->capture_default_str()
      ->group(kGroup);
  command
      .add_option(
          "--progress", flags.progress,
          "Show progress on standard error; auto is a bar on a terminal, json a line each second")
      ->type_name("auto|bar|json|none")
      ->check(one_of({"auto", "bar", "json", "none"}))
      ->capture_default_str()
      ->group(kGroup);
}

}  // namespace

void add_bulk_options(CLI::App& command, BulkFlags& flags) {
  add_input_options(command, flags);
  add_run_options(command, flags);
}

void check_no_bulk_options(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_group() != kGroup || option->count() == 0) continue;
    throw Error(ErrorCode::kInvalidArgument, option->get_name() + " goes with --input");
  }
}

}  // namespace nestvec
