// The audit log: who was given what, used it, or was refused it, one JSON object a line.
//
//   {"time":"2026-11-23T16:10:09.123Z","event":"minted","request_id":"…","issuer":"…","subject":"…","identity":"…",
//    "route":"gatekeeper","shape":"…","definition":"<16 hexadecimal digits>","code":"…","reason":"…","authorizer":"…",
//    "line":12}
//
// `event` is minted, allowed (once for each token and definition), denied, or revoked; members that say nothing are left
// out. `definition` is the beginning of the SHA-256 of the definition's canonical text: it can be compared, not read. There
// is no token, no secret, no claim but subject and issuer, and no parameter's value in any line (SECURITY H67). Every value
// is escaped and cut to kAuditValueBytesMax, so no caller forges a line or fills the disk with one.
//
// Lines go to a file, each with one write at its end (O_APPEND), by a thread of its own: who records waits for no disk. Up
// to kAuditLinesMax wait their turn; what comes beyond that, or cannot be written, is dropped and counted, and the next line
// written says how many were ({"event":"dropped","count":n}). Denials, which anybody can cause, fill at most half of the
// room. Nothing is synced: a crash of the machine may lose the last seconds. Without a file, lines go to the program's log
// (base/log.h) as event `audit`, their own event as `action`, with level info.
//
// Any thread may record.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "shape/definition.h"

namespace sluice::gateway {

inline constexpr std::size_t kAuditValueBytesMax = 256;
inline constexpr std::size_t kAuditLinesMax = 8192;  // some 4 MiB
// Pairs of token and definition remembered as recorded: between one and two times this many, some 8 MiB. Who is forgotten
// is recorded again.
inline constexpr std::size_t kAuditPairsMax = 65536;

// What tells tokens apart: the beginning of a token's SHA-256, say.
using AuditToken = std::array<std::uint8_t, 16>;

// Views are copied by who records.
struct AuditEvent {
  enum class Kind { kMinted, kAllowed, kDenied, kRevoked };

  Kind kind = Kind::kDenied;
  std::string_view request_id = {};
  std::string_view issuer = {};  // of the identity token, or of the grant where its owner's issuer is not known
  std::string_view subject = {};
  std::string_view identity = {};  // which [[identity]] verified the token
  std::string_view route = {};     // "gatekeeper", "proxy", "shapes", "verify", "admin"
  std::string_view shape = {};     // a named shape's name
  const shape::Definition* definition = nullptr;
  std::string_view code = {};        // of the answer: "shape_forbidden"
  std::string_view reason = {};      // a Decision's or a refusal's: names only
  std::string_view authorizer = {};  // which one decided
  int line = 0;                      // and by which line of the configuration; 0: none
};

struct AuditOptions {
  bool enabled = true;
  std::string file = {};  // made with mode 0600 where it is not there; "": the program's log
};

class Audit {
 public:
  // Throws std::system_error where the file cannot be opened.
  explicit Audit(AuditOptions options);
  // Writes what waits.
  ~Audit();

  void record(const AuditEvent& event);
  // The first time for this token and event.definition (which must be there): as kAllowed.
  void allowed(const AuditToken& token, AuditEvent event);

  // Opens the file by its name again: after it was moved away (SIGHUP). Where that fails the old one is kept, with a
  // warning.
  void reopen();
  // Until what was recorded before is written or dropped.
  void flush();
  // How many lines were lost so far.
  std::uint64_t dropped() const;

 private:
  class Memory;
  class Writer;

  const bool enabled_;
  std::unique_ptr<Memory> memory_;
  std::unique_ptr<Writer> writer_;  // null where lines go to the program's log
};

// 16 hexadecimal digits.
std::string definition_digest(const shape::Definition& definition);

}  // namespace sluice::gateway
