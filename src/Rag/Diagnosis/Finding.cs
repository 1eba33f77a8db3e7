using System.Text.Json.Serialization;

namespace Rag.Diagnosis;

/// <summary>Something that was looked at, and what came of it.</summary>
/// <param name="Area">One of <see cref="Areas.All"/>, or <c>server</c> where the server itself cannot be asked.</param>
/// <param name="Severity"><c>ok</c>, <c>notice</c>, <c>warning</c> or <c>critical</c>.</param>
/// <param name="Name">What is wrong, as programs know it: the area, a dot, a word. It never changes.</param>
/// <param name="What">The same in a sentence.</param>
/// <param name="Evidence">What was measured, with units.</param>
/// <param name="Meaning">What it means for those who ask.</param>
/// <param name="Next">The next command, as it is typed; null where nothing is to be done.</param>
public sealed record Finding(string Area, string Severity, string Name, string What, string Evidence, string Meaning, string? Next);

/// <param name="Worst">The gravest severity among the findings.</param>
/// <param name="Findings">Worst first; those of one severity by area and name.</param>
public sealed record DoctorReport(string Worst, IReadOnlyList<string> Areas, IReadOnlyList<Finding> Findings)
{
    public static DoctorReport Of(IEnumerable<string> areas, IEnumerable<Finding> findings)
    {
        var sorted = findings.OrderByDescending(f => Diagnosis.Severity.Rank(f.Severity)).ThenBy(f => f.Area, StringComparer.Ordinal).ThenBy(f => f.Name, StringComparer.Ordinal).ToList();
        return new(sorted.Count == 0 ? Diagnosis.Severity.Ok : sorted[0].Severity, [.. areas], sorted);
    }

    /// <summary>Whether something needs somebody: a warning, or worse.</summary>
    [JsonIgnore]
    public bool NeedsSomebody => Diagnosis.Severity.Rank(Worst) >= Diagnosis.Severity.Rank(Diagnosis.Severity.Warning);
}

internal static class Severity
{
    public const string Ok = "ok", Notice = "notice", Warning = "warning", Critical = "critical";

    private static readonly string[] Order = [Ok, Notice, Warning, Critical];

    public static int Rank(string severity) => Array.IndexOf(Order, severity);
}

/// <summary>What can be looked at.</summary>
internal static class Areas
{
    public const string Cache = "cache", Database = "database", Cpu = "cpu", Memory = "memory", Disk = "disk", Certificates = "certificates", Index = "index", Clock = "clock", Model = "model";

    /// <summary>Where a server or a configuration cannot be looked at, the finding is about that.</summary>
    public const string Server = "server", Configuration = "configuration";

    public static readonly IReadOnlyList<string> All = [Database, Cache, Cpu, Memory, Disk, Certificates, Index, Clock, Model];
}

/// <summary>What a diagnosis may take its time for.</summary>
/// <param name="Thorough">One area was asked for by name: it may take ten seconds.</param>
/// <param name="Heap">Also the largest types on the heap.</param>
/// <param name="Verify">Also compare the index with the record.</param>
internal sealed record DoctorRequest(IReadOnlyList<string> Areas, bool Thorough = false, bool Heap = false, bool Verify = false);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(DoctorReport))]
internal sealed partial class DiagnosisJson : JsonSerializerContext;
