// SPDX-License-Identifier: Apache-2.0
#include "compile/artefact.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/quantity.h"
#include "compile/atomic_folder.h"
#include "compile/copy_companions.h"
#include "compile/encoder_weights.h"
#include "compile/fingerprint.h"
#include "compile/graph.h"
#include "compile/manifest.h"
#include "compile/packed.h"
#include "compile/portable.h"
#include "compile/published_encoder.h"
#include "config/model_location.h"
#include "nestvec/version.h"
#include "ops/isa.h"
#include "ops/kernels/table.h"
#include "weights/model_weights.h"
#include "weights/safetensors.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> kPrecisions = {"fp32", "bf16", "int8-weights", "int8"};

void say(const LogSink& log, const std::string& line) {
  if (log) log(line);
}

CompileOptions checked(CompileOptions options, const ModelSpec& spec, const std::string& folder) {
  const bool packed = options.layout == "packed";
  if (!packed && options.layout != "rectangular" && options.layout != "padded") {
    throw Error(ErrorCode::kInvalidArgument, "unknown layout \"" + options.layout +
                                                 "\"; expected packed, rectangular or padded");
  }
  if (packed && std::ranges::find(kPrecisions, options.precision) == kPrecisions.end()) {
    throw Error(ErrorCode::kInvalidArgument, "unknown precision \"" + options.precision +
                                                 "\"; expected fp32, bf16, int8-weights or int8");
  }
  if (!packed && options.precision != "fp32") {
    throw Error(ErrorCode::kUnimplemented, "precision \"" + options.precision +
                                               "\" is not supported by portable graphs; fp32 is");
  }
  if (packed && spec.head_width() > kMaxHeadWidth) {
    throw Error(ErrorCode::kUnimplemented,
                folder + ": heads of " + std::to_string(spec.head_width()) +
                    " elements are over the " + std::to_string(kMaxHeadWidth) +
                    " of native graphs; a portable graph takes them");
  }
  if (options.layout == "padded" && spec.head.vocabulary) {
    throw Error(ErrorCode::kUnimplemented,
                folder +
                    ": a padded graph does not give SPLADE's sparse vectors; a rectangular or "
                    "packed one does");
  }
  if (options.max_tokens == 0) options.max_tokens = spec.max_positions;
  if (options.max_tokens > spec.max_positions) {
    throw Error(ErrorCode::kInvalidArgument,
                folder + ": max_tokens " + std::to_string(options.max_tokens) +
                    " is over the model's " + std::to_string(spec.max_positions) + " positions");
  }
  return options;
}

void add_metadata(const ModelSpec& spec, const CompileOptions& options, GraphBuilder& graph) {
  std::string tasks;
  for (const std::string& task : spec.adapters.tasks) tasks += (tasks.empty() ? "" : ",") + task;
  graph.metadata("nestvec.format_version", std::to_string(Manifest::kFormatVersion));
  graph.metadata("nestvec.library_version", kVersion);
  graph.metadata("nestvec.layout", options.layout);
  graph.metadata("nestvec.precision", options.precision);
  graph.metadata("nestvec.family", spec.family);
  graph.metadata("nestvec.tasks", tasks);
  graph.metadata("nestvec.width", std::to_string(spec.hidden));
  graph.metadata("nestvec.max_tokens", std::to_string(options.max_tokens));
}

Error disk_full(const std::string& path, std::uint64_t needed, std::uint64_t free) {
  return Error(ErrorCode::kResourceExhausted,
               path + ": the disk is full: " + std::to_string(needed) + " bytes (" +
                   readable_bytes(needed) + ") are needed, " + std::to_string(free) + " (" +
                   readable_bytes(free) + ") are free; free some or choose another folder");
}

std::uint64_t free_bytes(const std::string& folder) {
  struct statvfs status{};
  if (::statvfs(folder.c_str(), &status) != 0) throw file_error("cannot read", folder, errno);
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

// Writes weights.data and tells how far it is.
class DataWriter {
 public:
  DataWriter(std::string path, std::uint64_t total, const CompileOptions& options,
             const LogSink& log)
      : path_(std::move(path)),
        total_(total),
        options_(options),
        log_(log),
        file_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)) {
    if (!file_.valid()) throw file_error("cannot create", path_, errno);
  }

  void write(std::uint64_t offset, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      options_.control.check();
      const ssize_t count = ::pwrite(file_.get(), bytes.data(), std::min(bytes.size(), kPiece),
                                     static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw failure(errno);
      offset += static_cast<std::uint64_t>(count);
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    report(offset);
  }

  void finish() {
    if (::fsync(file_.get()) != 0) throw failure(errno);
  }

 private:
  Error failure(int error_number) const {
    if (error_number != ENOSPC && error_number != EDQUOT) {
      return file_error("cannot write", path_, error_number);
    }
    return disk_full(path_, total_, free_bytes(fs::path(path_).parent_path().string()));
  }

  // A line for each tenth, of what takes long enough to be waited for.
  void report(std::uint64_t done) {
    if (options_.progress) {
      options_.progress(static_cast<double>(done) / static_cast<double>(total_));
    }
    if (done < next_) return;
    const std::uint64_t percent = done * 100 / total_;
    next_ = total_ / 10 * (percent / 10 + 1);
    if (percent == 100 || Clock::now() - start_ < std::chrono::seconds(1)) return;
    say(log_, "compiling: " + std::to_string(percent) + " % (" + readable_bytes(done) + " of " +
                  readable_bytes(total_) + ")");
  }

  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kPiece = std::size_t{16} << 20;  // so often it may be ended

  std::string path_;
  std::uint64_t total_;
  const CompileOptions& options_;
  const LogSink& log_;
  FileDescriptor file_;
  std::uint64_t next_ = total_ / 10;
  Clock::time_point start_ = Clock::now();
};

// A folder that is there must be an older artefact: anything else is not ours to replace.
void check_output(const std::string& path) {
  std::error_code failed;
  if (!fs::exists(path, failed)) return;
  const bool replaceable =
      fs::is_directory(path, failed) &&
      (fs::is_empty(path, failed) || fs::exists(fs::path(path) / kManifestName, failed));
  if (!replaceable) {
    throw Error(ErrorCode::kAlreadyExists,
                path + ": exists and is not a compiled model; choose another folder");
  }
}

void write_artefact(const GraphBuilder& graph, Manifest manifest, AtomicFolder& folder,
                    const CompileOptions& options, const LogSink& log) {
  const RunControl& control = options.control;
  const fs::path path = folder.temporary_path();
  const std::string serialized = graph.serialize();
  manifest.graph_bytes = serialized.size();
  manifest.data_bytes = graph.data_bytes();
  const std::uint64_t total = manifest.graph_bytes + manifest.data_bytes;
  const std::uint64_t free = free_bytes(path.string());
  if (total > free) throw disk_full(path.parent_path().string(), total, free);

  DataWriter data((path / kDataName).string(), manifest.data_bytes, options, log);
  graph.stream_data(
      [&](std::uint64_t offset, std::span<const std::byte> bytes) { data.write(offset, bytes); });
  data.finish();
  control.check();
  AtomicFile model((path / kGraphName).string());
  model.write(serialized);
  model.commit();
  if (options.checksum) manifest.checksum = checksum_of(path.string());
  AtomicFile description((path / kManifestName).string());
  description.write(write_manifest(manifest));
  description.commit();
}

std::string without_trailing_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return fs::absolute(path).lexically_normal().string();
}

}  // namespace

void check_precision(const ModelSpec& spec, const std::string& precision) {
  const bool spoilt = spec.block.norm_first && spec.block.norm == NormKind::kRms;
  if (precision != "int8" || !spoilt) return;
  throw Error(ErrorCode::kUnimplemented,
              "precision int8 is not supported for the family " + spec.family +
                  ": single channels of its activations are so large that eight bits lose the "
                  "others, and vectors with them; use int8-weights, bf16 or fp32; nestvec compile "
                  "measures what it costs a model");
}

std::string native_precision() { return multiplies_bf16(machine_isa()) ? "bf16" : "fp32"; }

ModelSpec read_source_spec(const std::string& model_folder, const AdapterFolders& adapters) {
  if (is_artefact(model_folder)) {
    throw Error(ErrorCode::kInvalidArgument,
                model_folder + ": is compiled already; compile the folder that it was made from");
  }
  return read_model_spec(model_folder, adapters);
}

Artefact compile_model(const std::string& model_folder, const std::string& output_folder,
                       const CompileOptions& options, const LogSink& log) {
  check_output(without_trailing_slash(output_folder));
  return compile_model(model_folder, read_source_spec(model_folder, options.adapters),
                       output_folder, options, log);
}

Artefact compile_model(const std::string& model_folder, const ModelSpec& spec,
                       const std::string& output_folder, const CompileOptions& wanted,
                       const LogSink& log) {
  const auto start = std::chrono::steady_clock::now();
  const std::string output = without_trailing_slash(output_folder);
  check_output(output);
  Manifest manifest;
  manifest.spec = spec;
  if (!wanted.head) manifest.spec.head = {};
  const CompileOptions options = checked(wanted, manifest.spec, model_folder);
  manifest.library_version = kVersion;
  manifest.layout = options.layout;
  manifest.precision = options.precision;
  manifest.max_tokens = options.max_tokens;
  const EncoderWeights weights = open_encoder_weights(manifest.spec, model_folder);
  manifest.source = fingerprint_of(model_folder, manifest.spec);
  manifest.repository = repo_of_path(model_folder);

  GraphBuilder graph(kDataName);
  if (options.layout == "packed") {
    build_packed(manifest.spec, weights, {options.precision, options.max_tokens}, graph);
  } else {
    build_portable(manifest.spec, weights, {options.layout == "padded", options.max_tokens}, graph);
  }
  add_metadata(manifest.spec, options, graph);
  say(log, "compiling " + model_folder + " (" + manifest.spec.family + ", " +
               std::to_string(manifest.spec.layers) + " layers, " +
               std::to_string(manifest.spec.adapters.tasks.size()) + " adapters) to " + output +
               ": " + options.layout + " " + options.precision + ", " +
               readable_bytes(graph.data_bytes()));
  AtomicFolder folder(output);
  write_artefact(graph, std::move(manifest), folder, options, log);
  if (options.with_companions) copy_companions(model_folder, folder.temporary_path());
  if (options.accept) options.accept(folder.temporary_path());
  folder.commit();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", seconds.count());
  say(log, "compiled in " + std::string(text) + " s");
  return open_artefact(output);
}

void check_weights(const std::string& model_folder, const ModelSpec& spec) {
  const EncoderWeights weights = open_encoder_weights(spec, model_folder);
  if (!safetensors_files(model_folder).empty() || find_onnx(model_folder).empty()) return;
  if (spec.head.vocabulary) {
    throw Error(ErrorCode::kInvalidArgument,
                model_folder +
                    ": SPLADE's head is compiled from safetensors, and there are none beside its "
                    "ONNX export");
  }
  check_published_encoder(find_onnx(model_folder), spec, weights);
}

bool is_artefact(const std::string& folder) {
  std::error_code ignored;
  return fs::is_regular_file(fs::path(folder) / kManifestName, ignored);
}

Artefact open_artefact(const std::string& folder) {
  Manifest manifest = read_manifest(folder);
  const std::pair<const char*, std::uint64_t> files[] = {{kGraphName, manifest.graph_bytes},
                                                         {kDataName, manifest.data_bytes}};
  for (const auto& [name, bytes] : files) {
    const fs::path path = fs::path(folder) / name;
    std::error_code failed;
    const std::uintmax_t found = fs::file_size(path, failed);
    if (failed || found != bytes) {
      throw Error(ErrorCode::kDataLoss,
                  path.string() + ": " +
                      (failed ? "is missing" : std::to_string(found) + " bytes") + ", expected " +
                      std::to_string(bytes) + " bytes; compile the model again");
    }
  }
  if (!manifest.checksum.empty() && checksum_of(folder) != manifest.checksum) {
    throw Error(ErrorCode::kDataLoss,
                folder + ": " + kGraphName + " and " + kDataName +
                    " do not match the checksum in " + kManifestName +
                    "; they are damaged or were changed; compile the model again");
  }
  Artefact artefact;
  artefact.folder = folder;
  artefact.graph_path = (fs::path(folder) / kGraphName).string();
  artefact.spec = std::move(manifest.spec);
  artefact.layout = manifest.layout;
  artefact.precision = manifest.precision;
  artefact.max_tokens = manifest.max_tokens;
  artefact.weight_bytes = manifest.graph_bytes + manifest.data_bytes;
  return artefact;
}

}  // namespace nestvec
