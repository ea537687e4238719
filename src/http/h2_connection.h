// SPDX-License-Identifier: Apache-2.0
// One HTTP/2 connection: many requests at a time, each on a stream of its own.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/h2_rates.h"
#include "http/h2_session.h"
#include "http/h2_stream.h"
#include "http/http_shared.h"
#include "http/io_loop.h"

namespace nestvec {

// What every HTTP/2 client sends first (RFC 9113, 3.4).
inline constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Lives on its loop, which keeps it until it is closed; all of it runs there. Answers are pulled
// out of their streams when the socket has room, so that a client that does not read costs what its
// answers are and no more. Limits hold from the first frame on, whatever the client acknowledges.
class H2Connection final : public Peer,
                           public ReplyTarget,
                           public std::enable_shared_from_this<H2Connection> {
 public:
  // Starts one of which `received` is read already.
  static void start(const std::shared_ptr<IoLoop>& loop, std::shared_ptr<HttpShared> shared,
                    NewConnection accepted, std::string_view received);

  H2Connection(std::shared_ptr<IoLoop> loop, std::shared_ptr<HttpShared> shared,
               NewConnection accepted);
  H2Connection(const H2Connection&) = delete;
  H2Connection& operator=(const H2Connection&) = delete;

  // From the loop's thread: an answer by the number of its stream; ignored where that is gone.
  void answer(std::uint64_t exchange, HttpResponse response) override;
  void send(std::int32_t stream_id, AnswerPiece piece);
  void consumed(std::int32_t stream_id, std::size_t bytes);

  void on_tick(Clock::time_point now) override;
  void on_drain(Clock::time_point now) override;
  void on_stop() override { close(); }
  void on_grace_over() override;
  void make_way() override;

 private:
  enum class State { kOpen, kLingering, kClosed };
  enum class Drain { kNo, kGrace, kNoticed, kPinged, kLast };
  struct Callbacks;

  // Runs what the loop calls; where memory runs out, the connection ends. Does not throw.
  template <class Work>
  void guard(const Work& work) noexcept {
    try {
      work();
    } catch (...) {
      close();
    }
  }

  // The socket (h2_connection.cc).
  void read();
  bool read_some();
  void wait_to_read(IoStatus want);
  void on_bytes(std::string_view bytes);
  void flush();
  void schedule_flush();
  bool fill();
  void give_up(std::uint32_t error_code);
  void linger();
  void close() noexcept;
  bool is_late(H2Stream& stream, Clock::time_point now);
  void check_streams(Clock::time_point now);
  void become_idle();
  void note_use(Clock::time_point now);
  void check_peer(Clock::time_point now);
  void go_on_draining(Clock::time_point now);
  void ping(Clock::time_point now);

  // What comes (h2_receive.cc).
  int on_begin_frame(const nghttp2_frame_hd& head);
  int on_begin_head(std::int32_t stream_id);
  int on_field(std::int32_t stream_id, std::string_view name, std::string_view value);
  int on_frame(const nghttp2_frame& frame);
  void on_head(H2Stream& stream);
  void on_body(std::int32_t stream_id, std::string_view bytes);
  void on_body_end(H2Stream& stream);
  void on_stream_closed(std::int32_t stream_id);
  bool start_streamed(H2Stream& stream);
  std::optional<HttpResponse> judge(H2Stream& stream);
  bool has_memory(H2Stream& stream);
  void check_memory(H2Stream& stream, Clock::time_point now);
  void grant(H2Stream& stream);
  void grant_all();
  void dispatch(H2Stream& stream);
  void dispatch_waiting();

  // What goes (h2_send.cc).
  void refuse(H2Stream& stream, HttpResponse response);
  void refuse_for_memory(H2Stream& stream);
  void cut(H2Stream& stream);
  void send_response(H2Stream& stream, HttpResponse response);
  void add_piece(H2Stream& to, AnswerPiece piece);
  void submit(H2Stream& stream, const H2Fields& fields, bool has_body);
  std::ptrdiff_t pull(H2Stream& stream, std::span<std::uint8_t> into, std::uint32_t& flags);
  void on_frame_sent(const nghttp2_frame& frame);
  void reset(std::int32_t stream_id, std::uint32_t error_code);
  void finish(H2Stream& stream) noexcept;

  H2Stream* find(std::int32_t stream_id);

  const std::shared_ptr<IoLoop> loop_;
  const std::shared_ptr<HttpShared> shared_;
  std::unique_ptr<Transport> transport_;
  IoLoop::Peers::iterator entry_;
  ConnectionSeats::Seat seat_;
  LiveCount::Share unfinished_;
  const std::uint64_t number_;
  const std::string client_;
  const std::uint64_t address_;                   // as a client's number
  const std::shared_ptr<MemoryAccount> account_;  // of its address
  MemoryShare memory_;                            // of the connection

  H2SessionPtr session_;
  std::map<std::int32_t, H2Stream> streams_;
  std::deque<std::int32_t> waiting_;  // whole requests behind answers that are not taken
  std::vector<std::int32_t> sent_;    // streams whose pieces have just left
  std::size_t unsent_ = 0;            // of all streams
  const std::shared_ptr<const int> alive_ = std::make_shared<const int>();  // held by requests

  State state_ = State::kOpen;
  Drain drain_ = Drain::kNo;
  bool reading_ = false;
  bool waiting_to_read_ = false;
  bool waiting_to_write_ = false;
  bool flushing_ = false;  // or a flush is due
  bool receiving_ = false;
  bool peer_ended_ = false;
  bool given_up_ = false;      // what comes is not looked at any more
  bool acknowledged_ = false;  // its settings
  bool pinged_ = false;
  bool in_head_ = false;
  Dropped dropped_;  // bytes that came and were not looked at
  std::string out_;
  std::size_t out_at_ = 0;
  H2Rates rates_;
  Clock::time_point begun_;
  Clock::time_point head_begun_;
  Clock::time_point last_received_;
  Clock::time_point idle_since_;  // while there are no streams
  Clock::time_point last_written_;
  Clock::time_point pinged_at_;
  Clock::time_point next_step_;  // of a drain, or the end of lingering
};

}  // namespace nestvec
