using Rag.Foundation;

namespace Rag.Caching;

/// <summary>Section <c>Caching</c>.</summary>
internal sealed class CachingOptions : IValidatedOptions
{
    public string Section => "Caching";

    /// <summary>Off makes every question compute its answer.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>Bound of the in-process cache, mebibytes.</summary>
    public int SizeMb { get; set; } = 256;

    /// <summary>How long an entry may live, minutes. Entries are addressed by what they depend on, so age makes none wrong.</summary>
    public int LifetimeMinutes { get; set; } = 24 * 60;

    /// <summary>The second level; none without endpoints.</summary>
    public RedisOptions Redis { get; set; } = new();

    public IEnumerable<ConfigurationError> Validate()
    {
        if (SizeMb is < 1 or > 1_048_576) yield return new("Caching:SizeMb", $"{SizeMb} is out of range", "choose 1 to 1048576");
        if (LifetimeMinutes is < 1 or > 525_600) yield return new("Caching:LifetimeMinutes", $"{LifetimeMinutes} is out of range", "choose 1 to 525600");
        foreach (var error in Redis.Validate()) yield return error;
    }
}
