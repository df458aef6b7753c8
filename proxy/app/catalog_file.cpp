#include "proxy/app/catalog_file.h"

#include "policies/catalog/json.h"

#include <fstream>
#include <iterator>

namespace stepgate::proxy::app
{

using policies::catalog::Catalog;

std::variant<std::shared_ptr<const Catalog>, std::string> load_catalog_file(const std::filesystem::path& file)
{
    std::ifstream in{file, std::ios::binary};
    std::error_code ignored;
    if (!in.is_open() || std::filesystem::is_directory(file, ignored))
        return file.string() + ": the file cannot be read";
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    auto read = policies::catalog::read_json(text);
    if (const auto* error = std::get_if<policies::catalog::JsonError>(&read))
        return file.string() + ": " + to_string(*error);
    return std::make_shared<const Catalog>(std::get<policies::catalog::Contents>(std::move(read)));
}

} // namespace stepgate::proxy::app
