using Rag.Foundation;

namespace Rag.App;

/// <summary>The configuration that holds, for <c>rag config show</c> and for the page of settings.</summary>
internal static class Settings
{
    /// <param name="sections">Bound from what <see cref="RagConfiguration.Load"/> gave.</param>
    public static IReadOnlyList<ConfigurationValue> Of(ConfigurationSections sections) => [.. sections.Effective(key => Source((IConfigurationRoot)sections.Configuration, key))];

    /// <summary>A value with its unit; nothing where there is none.</summary>
    public static string Text(string? value, string? unit) => string.IsNullOrEmpty(value) ? "" : unit is null ? value : $"{value} {unit}";

    private static string Source(IConfigurationRoot configuration, string key)
    {
        // Later providers go before earlier ones.
        foreach (var provider in configuration.Providers.Reverse())
        {
            if (!provider.TryGet(key, out _)) continue;
            return provider.GetType().Name switch
            {
                "EnvironmentVariablesConfigurationProvider" => "environment",
                "MemoryConfigurationProvider" => "flag",
                _ => "file",
            };
        }
        return "default";
    }
}
