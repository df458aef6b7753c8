#include "policies/sensitivity/lineage.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>

namespace stepgate::policies::sensitivity
{

namespace json = boost::json;

namespace
{

json::array row(const LabelledName& name)
{
    return {name.relation, name.number, name.schema, name.table, name.column};
}
json::array row(const Copy& copy)
{
    return {copy.relation, copy.table, copy.label, copy.recorded};
}

LabelledName name_of(const json::value& row)
{
    const auto& fields = row.as_array();
    return {json::value_to<catalog::Oid>(fields.at(0)), json::value_to<std::int16_t>(fields.at(1)),
            json::value_to<std::string>(fields.at(2)), json::value_to<std::string>(fields.at(3)),
            json::value_to<std::string>(fields.at(4))};
}
Copy copy_of(const json::value& row)
{
    const auto& fields = row.as_array();
    return {json::value_to<catalog::Oid>(fields.at(0)), json::value_to<std::string>(fields.at(1)),
            json::value_to<std::string>(fields.at(2)), json::value_to<std::int64_t>(fields.at(3))};
}

} // namespace

std::string Lineage::to_json() const
{
    json::array names, copies;
    for (const auto& name : names_)
        names.push_back(row(name));
    for (const auto& copy : copies_)
        copies.push_back(row(copy));
    return json::serialize(json::object{{"version", 1}, {"names", std::move(names)}, {"copies", std::move(copies)}});
}

std::variant<Lineage, std::string> Lineage::from_json(std::string_view text)
try {
    const auto document = json::parse({text.data(), text.size()});
    const auto& fields = document.as_object();
    if (fields.at("version").as_int64() != 1)
        return "a version that this build does not know";
    std::vector<LabelledName> names;
    for (const auto& row : fields.at("names").as_array())
        names.push_back(name_of(row));
    std::vector<Copy> copies;
    for (const auto& row : fields.at("copies").as_array())
        copies.push_back(copy_of(row));
    return Lineage{std::move(names), std::move(copies)};
} catch (const std::exception& error) { // Boost.JSON's accessors throw; what is stored is ours, so this is damage
    return error.what();
}

} // namespace stepgate::policies::sensitivity
