using System.Globalization;
using System.Text.Json;
using NuGet.Versioning;

namespace Rag.Security.Advisories;

/// <summary>What is known of a weakness, as far as it is about NuGet packages.</summary>
/// <param name="Affected">Which versions of which packages.</param>
internal sealed record Advisory(string Id, string Summary, string Severity, string Url, DateTimeOffset? ModifiedAt, IReadOnlyList<AffectedPackage> Affected);

/// <param name="Versions">Versions that are named one by one.</param>
/// <param name="Ranges">Events in the order of their versions.</param>
internal sealed record AffectedPackage(string Name, IReadOnlyList<NuGetVersion> Versions, IReadOnlyList<IReadOnlyList<RangeEvent>> Ranges)
{
    /// <summary>By OSV's evaluation (OSV schema 1.7, "Evaluation"); versions are compared as NuGet does, which knows four numbers and no case.</summary>
    public bool Affects(NuGetVersion version) => Versions.Contains(version, VersionComparer.VersionRelease) || Ranges.Any(range => Within(range, version));

    /// <summary>The lowest version past this one that mends it; null where none is named.</summary>
    public NuGetVersion? FixedAfter(NuGetVersion version) => Ranges.SelectMany(r => r).Where(e => e.Kind == RangeEventKind.Fixed && e.Version > version).Select(e => e.Version).OrderBy(v => v, VersionComparer.VersionRelease).FirstOrDefault();

    private static bool Within(IReadOnlyList<RangeEvent> range, NuGetVersion version)
    {
        bool affected = false;
        foreach (var e in range)
        {
            int order = VersionComparer.VersionRelease.Compare(version, e.Version);
            affected = e.Kind switch
            {
                RangeEventKind.Introduced => affected || order >= 0,
                RangeEventKind.Fixed => affected && order < 0,
                _ => affected && order <= 0,
            };
        }
        return affected;
    }
}

internal enum RangeEventKind
{
    Introduced,
    Fixed,
    LastAffected,
}

internal sealed record RangeEvent(RangeEventKind Kind, NuGetVersion Version);

/// <summary>Reads the OSV format (ossf.github.io/osv-schema), and what <c>dotnet list package --vulnerable --format json</c> prints.</summary>
internal static class AdvisoryReader
{
    private const string Ecosystem = "NuGet";
    private static readonly NuGetVersion Zero = new(0, 0, 0);

    /// <summary>The advisories of a file: one, a list of them, or what dotnet printed. What was withdrawn, or is about other ecosystems, is left out.</summary>
    /// <exception cref="JsonException">It is not JSON.</exception>
    public static IEnumerable<Advisory> Read(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json, new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        var root = document.RootElement;
        if (root.ValueKind == JsonValueKind.Array) return [.. root.EnumerateArray().Select(Osv).OfType<Advisory>()];
        if (root.ValueKind != JsonValueKind.Object) return [];
        if (root.TryGetProperty("projects", out var projects) && projects.ValueKind == JsonValueKind.Array) return [.. projects.EnumerateArray().SelectMany(OfDotnet)];
        if (root.TryGetProperty("vulns", out var several) && several.ValueKind == JsonValueKind.Array) return [.. several.EnumerateArray().Select(Osv).OfType<Advisory>()];
        return Osv(root) is { } one ? [one] : [];
    }

    private static Advisory? Osv(JsonElement e)
    {
        if (e.ValueKind != JsonValueKind.Object || Text(e, "id") is not { Length: > 0 } id || e.TryGetProperty("withdrawn", out _)) return null;
        var affected = List(e, "affected").Select(Affected).OfType<AffectedPackage>().ToList();
        if (affected.Count == 0) return null;
        string severity = e.TryGetProperty("database_specific", out var own) && own.ValueKind == JsonValueKind.Object && Text(own, "severity") is { } word ? word.ToLowerInvariant()
            : List(e, "severity").Select(s => Text(s, "score")).FirstOrDefault(s => s is not null) ?? "";
        string url = List(e, "references").Where(r => Text(r, "type") is "ADVISORY").Select(r => Text(r, "url")).FirstOrDefault(u => u is not null) ?? $"https://osv.dev/vulnerability/{id}";
        return new(id, Text(e, "summary") ?? "", severity, url, Time(Text(e, "modified")), affected);
    }

    private static AffectedPackage? Affected(JsonElement e)
    {
        if (!e.TryGetProperty("package", out var package) || Text(package, "name") is not { } name || !Ecosystem.Equals(Text(package, "ecosystem"), StringComparison.OrdinalIgnoreCase)) return null;
        var versions = List(e, "versions").Select(v => v.ValueKind == JsonValueKind.String ? Version(v.GetString()) : null).OfType<NuGetVersion>().ToList();
        var ranges = List(e, "ranges").Where(r => Text(r, "type") is "ECOSYSTEM" or "SEMVER").Select(r =>
            (IReadOnlyList<RangeEvent>)[.. List(r, "events").SelectMany(Events).OrderBy(x => x.Version, VersionComparer.VersionRelease).ThenBy(x => x.Kind)]).ToList();
        return new(name, versions, ranges);
    }

    private static IEnumerable<RangeEvent> Events(JsonElement e)
    {
        if (Text(e, "introduced") is { } introduced && (introduced == "0" ? Zero : Version(introduced)) is { } from) yield return new(RangeEventKind.Introduced, from);
        if (Version(Text(e, "fixed")) is { } mended) yield return new(RangeEventKind.Fixed, mended);
        if (Version(Text(e, "last_affected")) is { } last) yield return new(RangeEventKind.LastAffected, last);
    }

    /// <summary>Each package that it calls vulnerable, in the very version that it looked at.</summary>
    private static IEnumerable<Advisory> OfDotnet(JsonElement project) =>
        from framework in List(project, "frameworks")
        from package in List(framework, "topLevelPackages").Concat(List(framework, "transitivePackages"))
        from weakness in List(package, "vulnerabilities")
        let url = Text(weakness, "advisoryurl") ?? ""
        where Text(package, "id") is not null && Version(Text(package, "resolvedVersion")) is not null
        select new Advisory(
            url.Split('/')[^1], "", (Text(weakness, "severity") ?? "").ToLowerInvariant(), url, null,
            [new(Text(package, "id")!, [Version(Text(package, "resolvedVersion"))!], [])]);

    private static NuGetVersion? Version(string? text) => NuGetVersion.TryParse(text, out var version) ? version : null;

    private static DateTimeOffset? Time(string? text) => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at) ? at : null;

    private static string? Text(JsonElement e, string name) => e.ValueKind == JsonValueKind.Object && e.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static IEnumerable<JsonElement> List(JsonElement e, string name) => e.ValueKind == JsonValueKind.Object && e.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : [];
}
