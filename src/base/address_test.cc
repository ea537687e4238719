// SPDX-License-Identifier: Apache-2.0
#include "base/address.h"

#include <gtest/gtest.h>

#include "nestvec/error.h"

namespace nestvec {
namespace {

TEST(Address, ReadsHostsAndPorts) {
  EXPECT_EQ(parse_address("127.0.0.1:8080").port, 8080);
  EXPECT_EQ(parse_address("[::1]:1").host, "::1");
  EXPECT_EQ(parse_address(":80").host, "0.0.0.0");
  EXPECT_EQ(parse_address("unix:/run/x.sock").unix_path, "/run/x.sock");
}

TEST(Address, TellsWhetherOthersCanReachIt) {
  EXPECT_TRUE(parse_address("127.0.0.1:0").loopback());
  EXPECT_TRUE(parse_address("[::1]:0").loopback());
  EXPECT_TRUE(parse_address("unix:x").loopback());
  EXPECT_FALSE(parse_address(":0").loopback());
}

TEST(Address, RefusesWhatIsNone) {
  for (const char* text :
       {"", "8080", "host", "host:", "host:x", "host:70000", "::1:80", "unix:"}) {
    EXPECT_THROW(parse_address(text), Error) << text;
  }
}

}  // namespace
}  // namespace nestvec
