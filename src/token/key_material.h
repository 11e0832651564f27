// Telling apart what is secret and what others hold too. For the sources of this part.
#pragma once

#include <string_view>

namespace sluice::token {

// Without white space and UTF-8 byte order marks before it, and white space after it: what a careless reader would make of
// a file.
std::string_view trimmed(std::string_view text);

// A public or private key, or a certificate, in any form that people paste (PEM, its base64 alone, DER, JWK, OpenSSH):
// something that others hold too, given where a secret belongs (SECURITY J21).
bool is_key_material(std::string_view secret);

}  // namespace sluice::token
