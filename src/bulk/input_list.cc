// SPDX-License-Identifier: Apache-2.0
#include "bulk/input_list.h"

#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>

#include "base/file.h"

namespace nestvec {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kNanoseconds = 1'000'000'000;

Error no_address(const std::string& path) {
  return Error(
      ErrorCode::kInvalidArgument,
      path +
          ": inputs are files of this machine; download it first, or pipe what curl -s URL "
          "prints and name the input -");
}

InputFacts facts_of(const std::string& path) {
  InputFacts facts;
  facts.path = path;
  if (path == kStandardInput) return facts;
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    const int reason = errno;
    if (path.find("://") != std::string::npos) throw no_address(path);
    throw file_error("cannot open", path, reason);
  }
  if (S_ISDIR(status.st_mode)) {
    throw Error(ErrorCode::kInvalidArgument,
                path + " is a folder; name its files, or a pattern such as '" + path + "/*'");
  }
  if (::access(path.c_str(), R_OK) != 0) throw file_error("cannot open", path, errno);
  if (S_ISREG(status.st_mode)) {
    facts.bytes = static_cast<std::uint64_t>(status.st_size);
    facts.modified = status.st_mtim.tv_sec * kNanoseconds + status.st_mtim.tv_nsec;
  }
  return facts;
}

bool exists(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0;
}

std::vector<std::string> expand(const std::string& pattern) {
  const bool plain = pattern.find_first_of("*?[") == std::string::npos;
  if (plain || exists(pattern)) return {pattern};
  glob_t found{};
  const std::unique_ptr<glob_t, void (*)(glob_t*)> owner(&found, ::globfree);
  // The program sets no locale, so this is the order of the bytes.
  const int result = ::glob(pattern.c_str(), 0, nullptr, &found);
  if (result == GLOB_NOSPACE) throw Error(ErrorCode::kResourceExhausted, "out of memory");
  if (result != 0) {
    throw Error(ErrorCode::kNotFound, "no file matches the pattern " + pattern);
  }
  return {found.gl_pathv, found.gl_pathv + found.gl_pathc};
}

}  // namespace

std::vector<InputFacts> find_inputs(const std::vector<std::string>& patterns) {
  std::vector<InputFacts> inputs;
  for (const std::string& pattern : patterns) {
    for (const std::string& path : expand(pattern)) inputs.push_back(facts_of(path));
  }
  const auto standard = std::count_if(inputs.begin(), inputs.end(), [](const InputFacts& input) {
    return input.path == kStandardInput;
  });
  if (standard > 1) {
    throw Error(ErrorCode::kInvalidArgument, "standard input (-) can be read only once");
  }
  return inputs;
}

void refuse_input(const std::string& output, const std::string& input) {
  std::error_code ignored;
  if (!fs::equivalent(output, input, ignored)) return;
  throw Error(ErrorCode::kInvalidArgument, "--output: " + output + " would replace an input");
}

std::string input_name(const std::string& path) {
  return path == kStandardInput ? "standard input" : path;
}

}  // namespace nestvec
