// SPDX-License-Identifier: Apache-2.0
// A connection that is handed, bytes as they are, to another server: HTTP/2 to the gRPC port.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/live_count.h"
#include "http/io_loop.h"
#include "http/transport.h"

namespace nestvec {

// What every HTTP/2 client sends first (RFC 9113, 3.4).
inline constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Gives a new connection to the other server, a socket that does not block. `client` is the peer's
// name, for the other's log. Called on the loop's thread. Throws Error kUnavailable.
using Http2Upstream = std::function<FileDescriptor(const std::string& client)>;

// Copies both ways until both sides have ended, one is broken, or the loop stops. A drain leaves it
// alone: the other server tells its clients to go. Holds 32 KiB. Lives on its loop, which keeps it.
class Splice final : public Peer, public std::enable_shared_from_this<Splice> {
 public:
  // Starts one between `client`, of which `received` is read already, and `upstream`, a socket that
  // does not block.
  static void start(const std::shared_ptr<IoLoop>& loop, std::unique_ptr<Transport> client,
                    FileDescriptor upstream, std::string_view received, LiveCount::Share slot);

  // start() makes and starts one.
  Splice(std::shared_ptr<IoLoop> loop, std::unique_ptr<Transport> client, FileDescriptor upstream,
         LiveCount::Share slot);

  void on_tick(Clock::time_point) override {}
  void on_drain(Clock::time_point) override {}
  void on_stop() override { close(); }

 private:
  static constexpr std::size_t kBufferBytes = std::size_t{16} << 10;

  // One direction. `end` is what the buffer holds, `begin` what of it is written.
  struct Flow {
    Transport* from = nullptr;
    Transport* to = nullptr;
    std::array<char, kBufferBytes> buffer;
    std::size_t begin = 0;
    std::size_t end = 0;
    bool waiting = false;
    bool ended = false;
  };

  void pump(Flow& flow);
  // One read or write; false when the flow has to wait, has ended, or all is closed.
  bool move_some(Flow& flow);
  void wait(Flow& flow, Transport& side, IoStatus want);
  void end(Flow& flow);
  void close();

  std::shared_ptr<IoLoop> loop_;
  std::unique_ptr<Transport> client_;
  Transport upstream_;
  Flow up_;
  Flow down_;
  bool closed_ = false;
  LiveCount::Share slot_;
  IoLoop::Peers::iterator entry_;
};

}  // namespace nestvec
