// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "cli/exit_code.h"
#include "cli/man_page.h"
#include "support/checkpoint.h"
#include "support/run_command.h"

namespace nestvec {
namespace {

bool has_program(const std::string& name) {
  return std::system(("command -v " + name + " >/dev/null 2>&1").c_str()) == 0;
}

TEST(Man, HasWhatTheHelpHas) {
  const std::string page = run({"man", "embed"}).out;
  for (const char* part :
       {".TH NESTVEC\\-EMBED 1", "nestvec\\-embed \\- ", ".SH \"SYNOPSIS\"", ".SH \"EXAMPLES\"",
        "\\fB\\-\\-late\\-chunking\\fR", ".SH \"EXIT STATUS\"", ".BR nestvec (1)"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
  const std::string top = run({"man"}).out;
  EXPECT_NE(top.find("\\fBquickstart\\fR"), std::string::npos);
  EXPECT_EQ(top.find("config\\-reference"), std::string::npos);
  EXPECT_EQ(run({"man", "embedd"}).code, kExitUsage);
}

TEST(Man, NothingIsTakenForARequest) {
  DescribedCommand command;
  command.name = "do";
  command.meaning = "It";
  command.footer =
      ".hidden text\n'quoted' \\fB\n\fAs follows:\nit is text\n\nExamples:\n  .nestvec do -x\n";
  const std::string page = man_page({command}, 0);
  EXPECT_NE(page.find("\n\\&.hidden text\n\\&'quoted' \\efB\n"), std::string::npos) << page;
  EXPECT_NE(page.find(".SH \"EXAMPLES\"\n.nf\n  .nestvec do \\-x\n"), std::string::npos) << page;
  EXPECT_NE(page.find("\nAs follows:\nit is text\n"), std::string::npos) << page;
}

TEST(Man, PagesOfAllCommandsAreWritten) {
  const TemporaryFolder folder;
  const std::string path = (folder / "").string();
  EXPECT_EQ(run({"man", "--output", path}).code, kExitOk);
  for (const char* name : {"nestvec.1", "nestvec-embed.1", "nestvec-man.1", "nestvec-help.1"}) {
    EXPECT_TRUE(std::filesystem::exists(folder / name)) << name;
  }
  EXPECT_EQ(read_file((folder / "nestvec-embed.1").string(), 1 << 20), run({"man", "embed"}).out);
  EXPECT_EQ(run({"man", "--output", path + "/none"}).code, kExitNotFound);
}

TEST(Man, TheFormatterComplainsOfNothing) {
  if (!has_program("groff")) GTEST_SKIP() << "groff is not installed";
  const TemporaryFolder folder;
  ASSERT_EQ(run({"man", "--output", (folder / "").string()}).code, kExitOk);
  const std::string said = (folder / "said").string();
  for (const auto& page : std::filesystem::directory_iterator(folder / "")) {
    if (page.path().extension() != ".1") continue;
    EXPECT_EQ(
        std::system(("groff -man -ww -z -Tutf8 " + page.path().string() + " 2>" + said).c_str()),
        0);
    EXPECT_EQ(std::filesystem::file_size(said), 0u) << read_file(said, 1 << 16);
  }
}

}  // namespace
}  // namespace nestvec
