// A name for one request, to find it in the log, in the audit log and by the x-request-id that its client saw.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sluice::gateway {

// 16 hexadecimal digits, unique in this process and unlikely elsewhere. Never the client's own choice.
class RequestId {
 public:
  static RequestId next();

  std::string_view text() const { return {digits_.data(), digits_.size()}; }

 private:
  std::array<char, 16> digits_;
};

}  // namespace sluice::gateway
