// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>

#include "cli/completion_script.h"
#include "cli/exit_code.h"
#include "support/checkpoint.h"
#include "support/run_command.h"

namespace nestvec {
namespace {

// A command line with everything that a shell could take for its own.
std::vector<DescribedCommand> awkward() {
  DescribedOption option{
      {"-o", "--output"}, "FILE", "It's [a] \"file\": $HOME `x` \\ |", "", false, false};
  DescribedOption model{{}, "MODEL", "The model", "", false, true};
  return {{"nestvec", "The program", "", {}, {{{"-h", "--help"}, "", "Help", "", false, false}}},
          {"do", "It's \\ [x]: $y", "", {model}, {option}}};
}

bool has_shell(const std::string& name) {
  return std::system(("command -v " + name + " >/dev/null 2>&1").c_str()) == 0;
}

class Completions : public testing::TestWithParam<const char*> {};

TEST_P(Completions, TheShellAcceptsThem) {
  const std::string shell = GetParam();
  if (!has_shell(shell)) GTEST_SKIP() << shell << " is not installed";
  const TemporaryFolder folder;
  const std::string path = (folder / "script").string();
  const std::string awkward_script = shell == "bash"  ? bash_completions(awkward())
                                     : shell == "zsh" ? zsh_completions(awkward())
                                                      : fish_completions(awkward());
  for (const std::string& script : {run({"completions", shell}).out, awkward_script}) {
    write_text(path, script);
    EXPECT_EQ(std::system((shell + " -n " + path).c_str()), 0) << script;
  }
}

TEST_P(Completions, NameEveryCommandAndWhatItTakes) {
  const Outcome outcome = run({"completions", GetParam()});
  EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
  for (const char* word : {"quickstart", "embed", "version", "late-chunking", "bf16 int8",
                           "nestvec list --quiet", "bash zsh fish"}) {
    EXPECT_NE(outcome.out.find(word), std::string::npos) << word;
  }
  EXPECT_EQ(outcome.out.find("config-reference"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Shells, Completions, testing::Values("bash", "zsh", "fish"),
                         [](const auto& shell) { return std::string(shell.param); });

// What bash offers at the end of `words`.
std::string offered(const std::string& script, const std::string& words) {
  const TemporaryFolder folder;
  write_text(folder / "script", script);
  write_text(folder / "run", "source " + (folder / "script").string() + "\nCOMP_WORDS=(" + words +
                                 ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_nestvec\n" +
                                 "echo \"${COMPREPLY[*]}\" >" + (folder / "out").string() + "\n");
  EXPECT_EQ(std::system(("bash " + (folder / "run").string()).c_str()), 0);
  std::ifstream out(folder / "out");
  std::string line;
  std::getline(out, line);
  return line;
}

TEST(BashCompletions, OfferWhatFits) {
  const std::string script = run({"completions", "bash"}).out;
  EXPECT_EQ(offered(script, "nestvec qu"), "quickstart");
  EXPECT_EQ(offered(script, "nestvec embed --late"), "--late-chunking");
  EXPECT_EQ(offered(script, "nestvec embed --precision bf"), "bf16");
  EXPECT_EQ(offered(script, "nestvec help tok"), "tokenize");
  EXPECT_EQ(offered(script, "nestvec cache pr"), "prune");
  EXPECT_EQ(offered(script, "nestvec embed --file x"), "") << "readline completes files";
}

TEST(CompletionsCommand, TakesAKnownShell) {
  EXPECT_NE(run({"completions", "bsh"}).err.find("did you mean \"bash\"?"), std::string::npos);
  EXPECT_NE(run({"completions"}).err.find("needs a shell: bash, zsh or fish"), std::string::npos);
}

}  // namespace
}  // namespace nestvec
