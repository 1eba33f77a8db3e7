using System.Text.Json;

namespace Rag.Testing.Doctor;

/// <summary>What <c>rag doctor --json</c> said.</summary>
public sealed record DoctorRun(int ExitCode, IReadOnlyList<(string Severity, string Name, string Evidence, string? Next)> Findings)
{
    public bool Names(string name) => Findings.Any(f => f.Name == name && (f.Severity is "warning" or "critical"));

    public string? EvidenceOf(string name) => Findings.Where(f => f.Name == name).Select(f => f.Evidence).FirstOrDefault();

    public override string ToString() => $"exit {ExitCode}: {string.Join("; ", Findings.Select(f => $"{f.Severity} {f.Name} ({f.Evidence})"))}";

    /// <summary>Runs the executable beside this assembly.</summary>
    public static async Task<DoctorRun> RunAsync(CancellationToken ct, params string[] arguments)
    {
        // A folder without a configuration or a data directory of whoever runs this.
        string folder = Directory.CreateTempSubdirectory("rag-doctor-").FullName;
        try
        {
            await using var child = ChildServer.Start(Path.Combine(AppContext.BaseDirectory, "rag"), ["doctor", "--json", .. arguments], new Dictionary<string, string> { ["RAG__Inference__Provider"] = "none" }, folder);
            await child.WaitForExitAsync(ct);
            string json = child.Output.Split('\n').FirstOrDefault(l => l.StartsWith('{')) ?? throw new InvalidOperationException($"rag doctor {string.Join(' ', arguments)} ended with {child.ExitCode}: {child.Output}");
            using var document = JsonDocument.Parse(json);
            return new(child.ExitCode, [.. document.RootElement.GetProperty("findings").EnumerateArray().Select(f => (
                f.GetProperty("severity").GetString()!, f.GetProperty("name").GetString()!, f.GetProperty("evidence").GetString()!, f.TryGetProperty("next", out var next) ? next.GetString() : null))]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
