// SPDX-License-Identifier: Apache-2.0
// nestvec compile: a model's weights as a graph of our own.
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/model_options.h"
#include "cli/precision_loss.h"
#include "cli/usage.h"
#include "compile/artefact.h"
#include "compile/atomic_folder.h"
#include "config/model_location.h"

namespace nestvec {
namespace {

constexpr const char* kCompileExamples =
    "Examples:\n"
    "  nestvec compile jinaai/jina-embeddings-v3 -o v3-int8 --precision int8\n"
    "  nestvec embed -m v3-int8 \"a text\"\n"
    "  nestvec compile path/to/model -o portable --target portable\n"
    "\f"
    "A model is compiled into the cache when it is first loaded. This command writes a folder "
    "that\n"
    "is a model by itself, with the graph (model.onnx, weights.data, nestvec.json), the tokenizer\n"
    "and the configuration. --model takes it on any x86-64 processor. With --precision, it is\n"
    "compared with fp32 on some built-in texts; if a cosine is below 0.99, nothing is written\n"
    "without --allow-loss. A portable graph has the\n"
    "inputs input_ids, attention_mask and, with adapters, task_ids, and runs on any execution\n"
    "provider of ONNX Runtime.\n";

struct CompileCommand {
  std::string model;
  std::string output;
  std::string precision = "auto";
  std::string target = "native";
  std::vector<std::string> adapters;  // "NAME=FOLDER"
  bool checksum = false;
  bool no_compare = false;
  bool allow_loss = false;
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

// Says what the compiled folder lost, and refuses it if that is too much. What cannot run in fp32
// is not compared.
void check_loss(const CompileCommand& command, const std::string& model, const ModelSpec& spec,
                const std::string& compiled, const LogSink& log) {
  PrecisionLoss loss;
  try {
    const std::string output = compiled.substr(0, compiled.rfind(kTemporaryMark));
    const AtomicFolder scratch(output + "-fp32");  // is never committed
    loss = measure_precision_loss(model, compiled, scratch.temporary_path());
  } catch (const Error& error) {
    if (log) log("not compared with fp32: " + std::string(error.what()));
    if (!command.allow_loss) check_precision(spec, command.precision);
    return;
  }
  if (log) log(loss.text());
  if (command.allow_loss || loss.least_cosine >= kLeastCosine) return;
  const char* wider = command.precision == "int8" ? "int8-weights or bf16" : "bf16 or fp32";
  throw Error(ErrorCode::kUnimplemented, model + ": " + command.precision +
                                             " loses too much: " + loss.text() + "; use " + wider +
                                             ", or --allow-loss to write it all the same");
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
  CompileOptions options = options_of(command);
  check_adapters(command.adapters);
  for (const std::string& adapter : command.adapters) add_adapter(adapter, options.adapters);
  for (auto& [task, path] : options.adapters) path = expand_path(path, context.environment);
  const ModelSpec spec = read_source_spec(folder, options.adapters);
  check_weights(folder, spec);
  const bool narrow = command.precision != "auto" && command.precision != "fp32";
  if (narrow && !command.no_compare) {
    options.accept = [&](const std::string& compiled) {
      check_loss(command, folder, spec, compiled, log);
    };
  } else if (!command.allow_loss) {
    check_precision(spec, command.precision);
  }
  const Artefact artefact = compile_model(folder, spec, command.output, options, log);
  context.out << artefact.graph_path << '\n';
}

}  // namespace

void add_compile_command(CLI::App& app, CliContext& context) {
  CLI::App* command = app.add_subcommand("compile", "Write a compiled model into a folder");
  const auto options = std::make_shared<CompileCommand>();
  command
      ->add_option("-m,--model,model", options->model,
                   "A model folder, OWNER/NAME, or the short name of a model on this machine")
      ->required()
      ->type_name("MODEL");
  command
      ->add_option("-o,--output", options->output,
                   "Write to this folder, and replace an older graph in it")
      ->required()
      ->check(not_empty())
      ->type_name("DIR");
  command
      ->add_option(
          "--precision", options->precision,
          "Precision of the products; auto is bf16 where this processor computes in it, else fp32")
      ->type_name("auto|fp32|bf16|int8-weights|int8")
      ->check(one_of({"auto", "fp32", "bf16", "int8-weights", "int8"}))
      ->capture_default_str();
  command
      ->add_option("--target", options->target,
                   "native for nestvec's own operators, portable for stock operators in fp32")
      ->type_name("native|portable")
      ->check(one_of({"native", "portable"}))
      ->capture_default_str();
  add_adapter_option(*command, options->adapters);
  command->add_flag("--checksum", options->checksum,
                    "Add a checksum, so that the files are read and checked at every load");
  command->add_flag("--no-compare", options->no_compare,
                    "Do not compare the compiled model with fp32");
  command->add_flag("--allow-loss", options->allow_loss,
                    "Write the model even if its vectors are far from those of fp32");
  command->add_flag("-q,--quiet", options->quiet, "Print no notes on standard error");
  command->footer(kCompileExamples);
  command->callback([options, &context] { run_compile(*options, context); });
}

}  // namespace nestvec
