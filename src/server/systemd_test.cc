// SPDX-License-Identifier: Apache-2.0
#include "server/systemd.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>

#include "base/file.h"

namespace nestvec {
namespace {

// Binds `name` ("@x" = abstract), sends, and returns what came.
std::string received(const std::string& name, std::string_view state) {
  const FileDescriptor receiver(::socket(AF_UNIX, SOCK_DGRAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  EXPECT_EQ(::bind(receiver.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
  const timeval soon{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(receiver.get(), SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
  notify_systemd(name, state);
  std::array<char, 256> bytes{};
  const ssize_t count = ::recv(receiver.get(), bytes.data(), bytes.size(), 0);
  return count < 0 ? "nothing" : std::string(bytes.data(), static_cast<std::size_t>(count));
}

TEST(NotifySystemd, ByPathAndByAbstractName) {
  const std::string name = "nestvec-notify-" + std::to_string(::getpid());
  const std::string path = (std::filesystem::temp_directory_path() / name).string();
  EXPECT_EQ(received(path, "READY=1\nSTATUS=x"), "READY=1\nSTATUS=x");
  std::filesystem::remove(path);
  EXPECT_EQ(received("@" + name, "STOPPING=1"), "STOPPING=1");
}

TEST(NotifySystemd, NobodyThereIsNoError) {
  notify_systemd("", "READY=1");
  notify_systemd("/nonexistent/socket", "READY=1");
  notify_systemd(std::string(1000, 'x'), "READY=1");
}

}  // namespace
}  // namespace nestvec
