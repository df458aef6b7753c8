#pragma once

#include "proxy/app/configuration.h"
#include "proxy/store/sqlite_store.h"

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <memory>
#include <optional>

namespace stepgate::proxy::app
{

/// Configuration and store of a command.
struct OpenedStore {
    Configuration configuration;
    std::unique_ptr<store::SqliteStore> store;
};

/// Who changes users here.
[[nodiscard]] challenge_web::accounts::ChangedBy by_command_line();

enum class Missing : std::uint8_t {
    make,   // a store that is not there is made
    refuse, // nobody can be in it: a mistyped path must not look like an empty store
};

/// Nothing after the errors were printed.
[[nodiscard]] std::optional<OpenedStore> open_store(const std::filesystem::path& config, Missing missing,
                                                    std::ostream& err);
/// Prints why, and answers with the exit code.
[[nodiscard]] int store_failed(const boost::system::error_code& error, std::ostream& err);

} // namespace stepgate::proxy::app
