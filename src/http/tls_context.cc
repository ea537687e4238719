// SPDX-License-Identifier: Apache-2.0
#include "http/tls_context.h"

#include <openssl/err.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "nestvec/error.h"

namespace nestvec {
namespace {

std::string openssl_reason() {
  const unsigned long code = ERR_get_error();
  const char* const reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return reason != nullptr ? reason : "unknown reason";
}

void expect_readable(const std::string& path) {
  if (::access(path.c_str(), R_OK) != 0) {
    throw Error(ErrorCode::kNotFound, "cannot read " + path + ", a file of the TLS configuration");
  }
}

// http/1.1 first: a browser or curl offers both and wants the HTTP routes, a gRPC client only h2.
// NOLINTNEXTLINE(readability-function-size): the signature is OpenSSL's.
int choose_protocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* length,
                    const unsigned char* offered, unsigned int offered_length, void* /*argument*/) {
  static constexpr std::array<unsigned char, 12> kOurs = {8,   'h', 't', 't', 'p', '/',
                                                          '1', '.', '1', 2,   'h', '2'};
  unsigned char* match = nullptr;
  if (SSL_select_next_proto(&match, length, kOurs.data(), kOurs.size(), offered, offered_length) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *chosen = match;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

TlsContext::TlsContext(std::string certificate, std::string key)
    : certificate_(std::move(certificate)), key_(std::move(key)), context_(load()) {}

std::shared_ptr<SSL_CTX> TlsContext::load() const {
  expect_readable(certificate_);
  expect_readable(key_);
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  if (!context) throw Error(ErrorCode::kResourceExhausted, "TLS: " + openssl_reason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // Idle connections give their buffers back; a write that was only begun may be repeated from
  // other memory.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_IGNORE_UNEXPECTED_EOF |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Of TLS 1.2 what 1.3 has, too: a key exchange with forward secrecy, and AEAD.
  if (SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) {
    throw Error(ErrorCode::kInternal, "TLS: " + openssl_reason());
  }
  // OpenSSL would ask at the terminal for the password of an encrypted key.
  SSL_CTX_set_default_passwd_cb(context.get(), [](char*, int, int, void*) { return 0; });
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_.c_str()) != 1) {
    throw Error(ErrorCode::kInvalidArgument,
                certificate_ + ": expected a PEM certificate chain: " + openssl_reason());
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    throw Error(ErrorCode::kInvalidArgument,
                key_ + ": expected the PEM key of " + certificate_ + ": " + openssl_reason());
  }
  SSL_CTX_set_alpn_select_cb(context.get(), &choose_protocol, nullptr);
  return context;
}

void TlsContext::reload() {
  std::shared_ptr<SSL_CTX> fresh = load();
  const std::lock_guard lock(mutex_);
  context_ = std::move(fresh);
}

SslPtr TlsContext::new_session(int fd) const {
  std::shared_ptr<SSL_CTX> context;
  {
    const std::lock_guard lock(mutex_);
    context = context_;
  }
  SslPtr ssl(SSL_new(context.get()));  // keeps a reference of its own to the context
  if (!ssl || SSL_set_fd(ssl.get(), fd) != 1) {
    throw Error(ErrorCode::kResourceExhausted, "TLS: " + openssl_reason());
  }
  SSL_set_accept_state(ssl.get());
  return ssl;
}

}  // namespace nestvec
