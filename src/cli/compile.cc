// SPDX-License-Identifier: Apache-2.0
// nestvec compile: a model's weights as a graph of our own.
#include <memory>
#include <ostream>
#include <string>

#include "cli/commands.h"
#include "compile/artefact.h"
#include "config/model_location.h"

namespace nestvec {
namespace {

constexpr const char* kCompileExamples =
    "A model is compiled by itself when it is first loaded, into the cache. This command writes a\n"
    "folder that is a model by itself: the graph (model.onnx, weights.data, nestvec.json) with "
    "the\n"
    "tokenizer and the configuration. --model takes it, on any x86-64 processor.\n"
    "A portable graph has input_ids, attention_mask and, with adapters, task_ids as inputs, for "
    "any\n"
    "execution provider of ONNX Runtime.\n"
    "\n"
    "Examples:\n"
    "  nestvec compile jinaai/jina-embeddings-v3 -o v3-int8 --precision int8\n"
    "  nestvec embed --model v3-int8 \"a text\"\n"
    "  nestvec compile path/to/model -o portable --target portable";

struct CompileCommand {
  std::string model;
  std::string output;
  std::string precision = "auto";
  std::string target = "native";
  bool checksum = false;
  bool quiet = false;
};

CompileOptions options_of(const CompileCommand& command) {
  CompileOptions options;
  const bool native = command.target == "native";
  options.layout = native ? "packed" : "padded";
  options.with_companions = true;
  options.checksum = command.checksum;
  options.precision = command.precision;
  if (command.precision == "auto") options.precision = native ? native_precision() : "fp32";
  return options;
}

void run_compile(const CompileCommand& command, CliContext& context) {
  LogSink log;
  if (!command.quiet) {
    log = [&context](std::string_view line) {
      context.err << "nestvec: " << line << '\n';
      context.err.flush();
    };
  }
  const std::string folder = locate_model(command.model, "", context.environment);
  const Artefact artefact = compile_model(folder, command.output, options_of(command), log);
  context.out << artefact.graph_path << '\n';
}

}  // namespace

void add_compile_command(CLI::App& app, CliContext& context) {
  CLI::App* command = app.add_subcommand("compile", "Write a model's graph to a folder");
  const auto options = std::make_shared<CompileCommand>();
  command->add_option("model", options->model, "Model folder, or a repository that was pulled")
      ->required()
      ->type_name("DIR|REPO");
  command->add_option("-o,--output", options->output, "Folder to write; replaces an older graph")
      ->required()
      ->type_name("DIR");
  command
      ->add_option("--precision", options->precision,
                   "Of the products; auto = bf16 where this processor computes in it, else fp32")
      ->check(CLI::IsMember({"auto", "fp32", "bf16", "int8"}))
      ->capture_default_str();
  command
      ->add_option("--target", options->target,
                   "native = nestvec's own operators; portable = stock operators, fp32")
      ->check(CLI::IsMember({"native", "portable"}))
      ->capture_default_str();
  command->add_flag(
      "--checksum", options->checksum,
      "Add a checksum: the folder's files are read and checked whenever it is loaded");
  command->add_flag("-q,--quiet", options->quiet, "No notes on standard error");
  command->footer(kCompileExamples);
  command->callback([options, &context] { run_compile(*options, context); });
}

}  // namespace nestvec
