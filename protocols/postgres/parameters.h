#pragma once

#include <map>
#include <string>
#include <string_view>

namespace stepgate::protocols::postgres
{

/// Values that the server reported by ParameterStatus (client_encoding, standard_conforming_strings, ..).
class Parameters
{
  public:
    void set(std::string_view name, std::string_view value)
    {
        const auto found = values_.find(name);
        if (found == values_.end())
            values_.emplace(name, value);
        else
            found->second = value;
    }

    /// The value, or nothing if the server never reported it. Valid until the next set().
    [[nodiscard]] std::string_view find(std::string_view name) const
    {
        const auto found = values_.find(name);
        return found == values_.end() ? std::string_view{} : std::string_view{found->second};
    }

    [[nodiscard]] const std::map<std::string, std::string, std::less<>>& all() const { return values_; }

  private:
    std::map<std::string, std::string, std::less<>> values_;
};

} // namespace stepgate::protocols::postgres
