// SPDX-License-Identifier: Apache-2.0
// Certificate and key of the server, replaced while connections live.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <mutex>
#include <string>

namespace nestvec {

struct SslDeleter {
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
};
using SslPtr = std::unique_ptr<SSL, SslDeleter>;

// TLS 1.2, with forward secrecy and AEAD alone, and 1.3; of what a client offers the server
// chooses. Safe for concurrent use.
class TlsContext {
 public:
  // Reads the PEM files, a chain and its key. ALPN chooses http/1.1, or h2 for clients that do not
  // offer that (those of gRPC). Throws Error kNotFound, kInvalidArgument naming the file.
  TlsContext(std::string certificate, std::string key);

  // Reads the files again, for connections that come from now on. Throws as the constructor; what
  // was there then stays.
  void reload();

  // The server's side of a connection on `fd`, which it does not own. Throws Error
  // kResourceExhausted.
  SslPtr new_session(int fd) const;

 private:
  std::shared_ptr<SSL_CTX> load() const;

  const std::string certificate_;
  const std::string key_;
  mutable std::mutex mutex_;  // guards context_
  std::shared_ptr<SSL_CTX> context_;
};

}  // namespace nestvec
