// SPDX-License-Identifier: Apache-2.0
// The main of a fuzz target in a normal build: replays files, then runs mutations of them that are
// the same in every run. An input that crashes is left in the working folder as crash-TARGET.
//
//   NAME_fuzz [--runs=N] FILE|FOLDER...
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;
using Input = std::vector<std::uint8_t>;

constexpr std::size_t kMaxInput = std::size_t{64} << 10;

// What a signal handler may read: the input under test and where to leave it.
struct Current {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  std::array<char, 256> crash_path{};
};
Current current;

extern "C" void save_crash(int signal_number) {
  const int fd = ::open(current.crash_path.data(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd >= 0) {
    [[maybe_unused]] const auto written = ::write(fd, current.data, current.size);
    ::close(fd);
  }
  std::signal(signal_number, SIG_DFL);
  std::raise(signal_number);
}

void run(const Input& input) {
  current.data = input.data();
  current.size = input.size();
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

Input read(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// All files below the arguments, in an order that does not depend on the file system.
std::vector<fs::path> list_files(const std::vector<std::string>& arguments) {
  std::vector<fs::path> files;
  for (const std::string& argument : arguments) {
    if (fs::is_directory(argument)) {
      for (const auto& entry : fs::recursive_directory_iterator(argument)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
      }
    } else {
      files.emplace_back(argument);
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Makes the next input out of the corpus. Only the engine's raw output is used: the standard's
// distributions differ between libraries.
class Mutator {
 public:
  explicit Mutator(const std::vector<Input>& corpus) : corpus_(corpus) {}

  Input next() {
    Input input = pick();
    for (std::size_t edits = 1 + below(6); edits > 0; --edits) edit(input);
    if (input.size() > kMaxInput) input.resize(kMaxInput);
    return input;
  }

 private:
  std::size_t below(std::size_t bound) { return engine_() % bound; }
  std::uint8_t byte() { return static_cast<std::uint8_t>(engine_() & 0xFF); }
  const Input& pick() { return corpus_[below(corpus_.size())]; }

  static Input::iterator at(Input& input, std::size_t i) {
    return input.begin() + static_cast<std::ptrdiff_t>(i);
  }

  void edit(Input& input) {
    static constexpr std::string_view kWords[] = {"0",
                                                  "-1",
                                                  "1e999",
                                                  "4294967296",
                                                  "18446744073709551615",
                                                  "\"",
                                                  "{",
                                                  "[",
                                                  "]",
                                                  "}",
                                                  ",",
                                                  ":",
                                                  "null",
                                                  "\\ud800",
                                                  "\xC3",
                                                  "\xED\xA0\x80",
                                                  "\xEF\xBF\xBD",
                                                  "\n",
                                                  " ",
                                                  std::string_view("\0", 1)};
    const std::size_t where = input.empty() ? 0 : below(input.size());
    const std::size_t length =
        input.empty() ? 0 : 1 + below(std::min<std::size_t>(input.size() - where, 64));
    switch (input.empty() ? 0 : below(7)) {
      case 0: {
        const std::string_view word = kWords[below(std::size(kWords))];
        input.insert(at(input, where), word.begin(), word.end());
        break;
      }
      case 1:
        input[where] ^= static_cast<std::uint8_t>(1U << below(8));
        break;
      case 2:
        input[where] = byte();
        break;
      case 3:
        input.erase(at(input, where), at(input, where + length));
        break;
      case 4:
        input.resize(where);
        break;
      case 5: {
        const Input copy(at(input, where), at(input, where + length));
        input.insert(at(input, below(input.size())), copy.begin(), copy.end());
        break;
      }
      default:
        splice(input, where);
    }
  }

  // Goes on with the rest of another input.
  void splice(Input& input, std::size_t where) {
    const Input& other = pick();
    if (other.empty()) return;
    const auto from = static_cast<std::ptrdiff_t>(below(other.size()));
    input.resize(where);
    input.insert(input.end(), other.begin() + from, other.end());
  }

  const std::vector<Input>& corpus_;
  std::mt19937_64 engine_;  // its default seed: the same inputs in every run
};

void catch_signals(std::string_view program) {
  const std::string name = "crash-" + fs::path(program).filename().string();
  name.copy(current.crash_path.data(), current.crash_path.size() - 1);
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    std::signal(number, save_crash);
  }
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::string_view kRuns = "--runs=";
  std::size_t runs = 0;
  std::vector<std::string> arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with(kRuns)) {
      std::from_chars(argument.data() + kRuns.size(), argument.data() + argument.size(), runs);
    } else {
      arguments.emplace_back(argument);
    }
  }
  catch_signals(argv[0]);

  std::vector<Input> corpus;
  for (const fs::path& file : list_files(arguments)) corpus.push_back(read(file));
  if (corpus.empty()) {
    std::fprintf(stderr, "%s: no input files\n", argv[0]);
    return EXIT_FAILURE;
  }
  for (const Input& input : corpus) run(input);
  Mutator mutator(corpus);
  for (std::size_t i = 0; i < runs; ++i) run(mutator.next());
  std::printf("%zu files, %zu mutations\n", corpus.size(), runs);
  return EXIT_SUCCESS;
}
