using Microsoft.Extensions.Configuration;

namespace Rag.Bench;

/// <summary>Configurations that the comparisons run with; everything else is the product's default.</summary>
internal static class Settings
{
    public static readonly IConfiguration Default = new ConfigurationBuilder().Build();

    public static readonly IConfiguration NoCache = Of(("Caching:Enabled", "false"));

    public static readonly IConfiguration NoModel = Of(("Inference:Provider", "none"), ("Caching:Enabled", "false"));

    public static IConfiguration With(params (string Key, string Value)[] values) => Of(values);

    private static IConfiguration Of(params (string Key, string Value)[] values) =>
        new ConfigurationBuilder().AddInMemoryCollection(values.ToDictionary(v => v.Key, v => (string?)v.Value)).Build();
}
