// For how long a key set may be kept, as its answer says (RFC 9111 sections 4.2.1 and 5.2.2), within bounds of our own.
#pragma once

#include <chrono>

#include "http/message.h"

namespace sluice::identity {

// max-age less Age; `min` where nothing is said, where what is said cannot be read, and for no-store and no-cache. Of
// several max-age the shortest. s-maxage and Expires are not looked at: the first is for shared caches, the second needs the
// server's clock.
std::chrono::seconds cache_lifetime(const http::Fields& answer, std::chrono::seconds min, std::chrono::seconds max);

}  // namespace sluice::identity
