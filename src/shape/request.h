// A shape request: a definition and a position in its log, or a subset of its rows.
#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "shape/definition.h"

namespace sluice::shape {

// A place in a shape log. `-1` is before everything, `<tx>_<op>` after that operation, `<tx>_inf` after all of tx,
// `now` the end of the log at the moment of asking. One spelling each on the way out: no leading zeros, `-1` for `-1_0`.
class Offset {
 public:
  static constexpr std::uint64_t kInfinity = ~std::uint64_t{0};

  static constexpr Offset before_all() { return Offset(Kind::kBefore, 0, 0); }
  static constexpr Offset now() { return Offset(Kind::kNow, 0, 0); }
  static constexpr Offset at(std::uint64_t tx, std::uint64_t op) { return Offset(Kind::kAt, tx, op); }
  static constexpr Offset after_transaction(std::uint64_t tx) { return at(tx, kInfinity); }
  static std::optional<Offset> parse(std::string_view text);

  bool is_before_all() const { return kind_ == Kind::kBefore; }
  bool is_now() const { return kind_ == Kind::kNow; }
  std::uint64_t tx() const { return tx_; }
  std::uint64_t op() const { return op_; }
  std::string print() const;

  // Orders positions; `now` has no place in the order and must be resolved first.
  std::strong_ordering operator<=>(const Offset&) const = default;

 private:
  enum class Kind : std::uint8_t { kBefore, kAt, kNow };
  constexpr Offset(Kind kind, std::uint64_t tx, std::uint64_t op) : kind_(kind), tx_(tx), op_(op) {}

  Kind kind_;
  std::uint64_t tx_;
  std::uint64_t op_;
};

// Handles are opaque here: 1 to 128 characters of A-Z a-z 0-9 - _ .
inline constexpr std::size_t kHandleBytesMax = 128;
inline constexpr std::size_t kCursorBytesMax = 32;
inline constexpr std::size_t kCacheBusterBytesMax = 64;

enum class Live { kNo, kLongPoll, kSse };

struct Position {
  Offset offset = Offset::before_all();
  std::optional<std::string> handle = {};
  Live live = Live::kNo;
  std::optional<std::string> cursor = {};
  // No meaning to a server, but part of every cache key (PROTOCOL section 1).
  std::optional<std::string> expired_handle = {};
  std::optional<std::string> cache_buster = {};
};

// Part of a shape's rows, asked for once. where and order_by are the client's text, never trusted: whoever evaluates them
// parses them first. limit and offset need order_by.
struct Subset {
  std::optional<std::string> where = {};
  std::map<unsigned, std::string> params = {};
  std::optional<std::uint64_t> limit = {};  // at least 1
  std::optional<std::uint64_t> offset = {};
  std::optional<std::string> order_by = {};
};

struct Request {
  Definition definition;
  Position position = {};
  std::optional<Subset> subset = {};
};

}  // namespace sluice::shape
