#pragma once

#include "proxy/app/configuration.h"
#include "proxy/upstream/catalog_reader.h"

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace stepgate::proxy::app
{

/// How the catalogs of a database behind a listener are read. Secrets are read here; the string says what is missing.
[[nodiscard]] std::variant<upstream::CatalogSource, std::string> catalog_source(const Listener& listener,
                                                                                std::string_view database);

/// Reads them, as the listener's protocol has them. Blocking.
[[nodiscard]] upstream::CatalogRead read_catalog_from(const Listener& listener, const upstream::CatalogSource& source);

/// Reads the catalogs of a database behind one of the listeners. Blocking, but no longer than a moment once `stopping`
/// is true: a server may be silent for as long as it likes, and no client library lets itself be interrupted
/// everywhere. `backends`: see `CatalogSource`.
[[nodiscard]] upstream::CatalogRead read_catalog_of(const std::vector<Listener>& listeners, const std::string& name,
                                                    const std::string& database,
                                                    const std::vector<std::int32_t>& backends,
                                                    const std::atomic<bool>& stopping);

/// Whether a reading that was given up is still at work, on a thread of its own, within a client library: the process
/// then has to end without taking the libraries apart under it (`_Exit`).
[[nodiscard]] bool readings_at_work();

} // namespace stepgate::proxy::app
