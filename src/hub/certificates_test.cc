// SPDX-License-Identifier: Apache-2.0
#include "hub/certificates.h"
#include "support/folders.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace nestvec {
namespace {

namespace fs = std::filesystem;

class Certificates : public testing::Test {
 protected:
  Certificates() { fs::remove_all(root_); }

  void write(const fs::path& file, const char* text) const {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }

  const fs::path root_ = fs::path(test_build()) / "certificates";
};

TEST_F(Certificates, AreNowhereOnABareMachine) { EXPECT_EQ(system_certificates(root_), ""); }

TEST_F(Certificates, AreWhereTheDistributionKeepsThem) {
  write("etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "x");
  EXPECT_EQ(system_certificates(root_), root_ / "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem");
  write("etc/ssl/certs/ca-certificates.crt", "x");
  EXPECT_EQ(system_certificates(root_), root_ / "etc/ssl/certs/ca-certificates.crt");
}

TEST_F(Certificates, OfAnEmptyFileOrFolderAreNone) {
  write("etc/ssl/certs/ca-certificates.crt", "");
  write("etc/ssl/cert.pem", "");
  EXPECT_EQ(system_certificates(root_), root_ / "etc/ssl/certs") << "which has a file";
  fs::remove(root_ / "etc/ssl/certs/ca-certificates.crt");
  EXPECT_EQ(system_certificates(root_), "");
}

}  // namespace
}  // namespace nestvec
