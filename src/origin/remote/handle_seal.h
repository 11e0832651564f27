// Handles bound to what their holder may read (SECURITY E12).
//
// A remote server finds a shape's log by its handle, and whoever learns a handle could name it. So clients are never given
// the server's handle alone, but
//
//   <server's handle> "." <22 characters: base64url of HMAC-SHA256(key, definition NUL handle), its first 128 bits>
//
// with the canonical text of the definition that was authorised, log mode included. On the way up a handle is taken apart
// again where its seal is that of the definition asked for; any other one is replaced by kUnknownHandle, to which the server
// itself answers 409 with the right handle. Sealing is deterministic: gateways with one key give the same handle for the
// same shape, so their clients may move between them and answers can be shared by caches.
//
// Immutable; any thread. Two HMACs a request, about a microsecond each.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "shape/request.h"

namespace sluice::origin {

inline constexpr std::size_t kHandleKeyBytes = 32;
inline constexpr std::size_t kSealBytes = 1 + 22;
inline constexpr std::size_t kUpstreamHandleBytesMax = shape::kHandleBytesMax - kSealBytes;
// In the form of Electric's handles, a hash and the microsecond of making, and of a time before there were any.
inline constexpr std::string_view kUnknownHandle = "0-0";

class HandleSeal {
 public:
  // std::invalid_argument unless the key has kHandleKeyBytes.
  explicit HandleSeal(std::string key);

  // The same for every gateway that has the server's secret; where there is none, another one for each process.
  static std::string derive_key(std::string_view upstream_secret);

  // Nothing where the server's handle is not one: empty, longer than kUpstreamHandleBytesMax, or of other characters than
  // handles have.
  std::optional<std::string> seal(std::string_view definition_text, std::string_view upstream_handle) const;
  // The server's handle; nothing where this is not its seal.
  std::optional<std::string> open(std::string_view definition_text, std::string_view handle) const;

  // The position as the server is to see it. A foreign expired_handle, which means nothing to a server, becomes a digest of
  // itself: it still sets apart what caches on the way must not confuse.
  shape::Position open_position(std::string_view definition_text, shape::Position position) const;

 private:
  std::string seal_of(std::string_view definition_text, std::string_view upstream_handle) const;

  const std::string key_;
};

}  // namespace sluice::origin
