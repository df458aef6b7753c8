#pragma once

#include "policies/catalog/catalog.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace stepgate::proxy::upstream
{

/// Where to read a snapshot from, and as whom. `tls_mode` and files as libpq names and takes them; "" leaves one out.
struct CatalogSource {
    std::string host;
    std::uint16_t port = 5432;
    std::string database, user, password;
    std::string tls_mode = "verify-full"; // disable, require, verify-ca, verify-full
    std::string ca;                       // "": the system's, for the modes that verify
    std::string certificate, key;
    std::vector<std::int32_t> backends; // server processes to look for before the snapshot is taken
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds statement_timeout{30'000}; // of each of about twenty queries
    const std::atomic<bool>* stopping = nullptr;         // set: PostgreSQL's queries end soon after it has become true
};

/// One reading of a server's catalogs.
struct CatalogRead {
    std::variant<policies::catalog::Contents, std::string> contents; // the string: what failed, for people
    bool backends_gone = true; // none of the processes asked about was at work any more before the snapshot was taken
};

/// Reads a snapshot of one database of a PostgreSQL server, version 13 or newer, in one read-only transaction.
/// Blocking: for a thread that may wait. Reads pg_catalog only, which every account may; runs no code of users. The
/// string says what failed, for people.
///
/// Objects of the system are left out (but not what users or extensions put into its schemas), and so are the temporary
/// objects of all sessions. Types are all there.
[[nodiscard]] CatalogRead read_catalog(const CatalogSource& source);

} // namespace stepgate::proxy::upstream
