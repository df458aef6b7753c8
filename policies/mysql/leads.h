#pragma once

#include "policies/catalog/catalog.h"

#include <cstdint>
#include <string>

namespace stepgate::policies::mysql
{

/// A name in a statement behind which the server may do more: look through a view, fire triggers, run a body.
struct Lead {
    enum class Kind : std::uint8_t {
        read,
        named, // locked, flushed, checked: nothing is shown of it, or of what is behind a view
        write,
        values, // of its columns are computed anew
        function,
        procedure,
        event,
    };
    Kind kind = Kind::read;
    std::string name;       // "database.name"
    bool known = true;      // the database is certain
    catalog::Events events; // of `write`: what happens to rows
    bool made = false;      // the text makes such a table itself, so that no catalog need have it
    bool operator==(const Lead&) const = default;
};

} // namespace stepgate::policies::mysql
