using Rag.Foundation;

namespace Rag.Security;

/// <summary>Section <c>Security:Advisories</c>: where what is known of weak packages is read from.</summary>
internal sealed class AdvisoryOptions
{
    /// <summary>A file or folder of advisories in the OSV format (JSON, or a ZIP of it), or the output of <c>dotnet list package --vulnerable --format json</c>; empty: none.</summary>
    public string Path { get; set; } = "";

    /// <summary>The same from a web server, such as OSV's archive of the ecosystem NuGet; empty: none.</summary>
    public string Url { get; set; } = "";

    /// <summary>A package that the advisories must call vulnerable, as <c>name@version</c>: whoever does not find it is blind.</summary>
    public string Canary { get; set; } = "Newtonsoft.Json@12.0.3";

    /// <summary>Advisories whose newest is older than this are stale, days.</summary>
    public int MaxAgeDays { get; set; } = 14;

    public bool Configured => Path.Length > 0 || Url.Length > 0;
}

/// <summary>Section <c>Security</c>.</summary>
internal sealed class SecurityOptions : IValidatedOptions
{
    public string Section => "Security";

    /// <summary>Whether requests, questions and documents are looked at.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>After this time what somebody did weighs half, minutes.</summary>
    public int HalfLifeMinutes { get; set; } = 10;

    /// <summary>Signs of one pattern that add up to this are an event; an alarm is one by itself.</summary>
    public int Threshold { get; set; } = 5;

    /// <summary><c>observe</c>: count, keep, alert. <c>limit</c>: also let requests wait that find no route or no valid key, from callers whose score is past <see cref="LimitScore"/>.</summary>
    public string Respond { get; set; } = "observe";

    /// <summary>Score from which <c>limit</c> applies.</summary>
    public int LimitScore { get; set; } = 50;

    /// <summary>How long such a request waits, milliseconds.</summary>
    public int LimitDelayMs { get; set; } = 1_000;

    /// <summary>Failed keys from one address within ten minutes that are an event.</summary>
    public int FailedKeys { get; set; } = 10;

    /// <summary>Different questions of one caller within ten minutes that are an event.</summary>
    public int ScrapedQuestions { get; set; } = 400;

    /// <summary>Different documents that one caller opens within ten minutes that are an event.</summary>
    public int ScrapedDocuments { get; set; } = 200;

    /// <summary>How long events and scans are kept, days.</summary>
    public int KeepDays { get; set; } = 90;

    /// <summary>Hours with reading that a caller must have had before a later hour is held against them.</summary>
    public int LearnHours { get; set; } = 24;

    public AdvisoryOptions Advisories { get; set; } = new();

    public IEnumerable<ConfigurationError> Validate()
    {
        if (Respond is not ("observe" or "limit")) yield return new("Security:Respond", $"'{Respond}' is not a response", "use observe or limit");
        foreach (var (name, value, min, max) in new[]
        {
            (nameof(HalfLifeMinutes), HalfLifeMinutes, 1, 1_440), (nameof(Threshold), Threshold, 1, 1_000), (nameof(LimitScore), LimitScore, 5, 100_000), (nameof(LimitDelayMs), LimitDelayMs, 1, 10_000),
            (nameof(FailedKeys), FailedKeys, 2, 10_000), (nameof(ScrapedQuestions), ScrapedQuestions, 10, 100_000), (nameof(ScrapedDocuments), ScrapedDocuments, 10, 100_000), (nameof(KeepDays), KeepDays, 1, 3_650),
            (nameof(LearnHours), LearnHours, 3, 1_000),
        })
            if (value < min || value > max) yield return new($"Security:{name}", $"{value} is out of range", $"choose {min} to {max}");
        if (Advisories.MaxAgeDays is < 1 or > 3_650) yield return new("Security:Advisories:MaxAgeDays", $"{Advisories.MaxAgeDays} is out of range", "choose 1 to 3650");
        if (Advisories.Canary.Split('@') is not [{ Length: > 0 }, { Length: > 0 }]) yield return new("Security:Advisories:Canary", $"'{Advisories.Canary}' is not a package", "write name@version, such as Newtonsoft.Json@12.0.3");
        if (Advisories is { Path.Length: > 0, Url.Length: > 0 }) yield return new("Security:Advisories:Url", "and Path are both set", "leave one of them empty");
        if (Advisories.Url.Length > 0 && !(Uri.TryCreate(Advisories.Url, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"))
            yield return new("Security:Advisories:Url", $"'{Advisories.Url}' is not an address", "write it as https://host/all.zip, or leave it empty");
    }
}
