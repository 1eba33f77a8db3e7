using Rag.Security;
using Rag.Security.Advisories;

namespace Rag.Compliance;

/// <summary>What the scans of the dependencies found; without a scan, nothing is known.</summary>
internal sealed class VulnerabilitiesSection(AdvisoryScan scans) : IReportSection
{
    public string Id => "vulnerabilities";

    public async Task<ReportSection> MakeAsync(ReportMonth month, CancellationToken ct)
    {
        var done = (await scans.ListAsync(ct)).Scans.Where(s => s.At >= month.From && s.At < month.To).OrderByDescending(s => s.At).ToList();
        var rows = done.Take(ReportSection.MaxRows).Select(s => new ReportRow([Show.Minute(s.At), s.Result, s.Why, string.Join("; ", s.Findings.Select(f => $"{f.Advisory}: {f.Package} {f.Version}{(f.Fixed is { } better ? $", fixed in {better}" : "")}"))], $"scan {s.Id}")).ToList();
        var newest = done.FirstOrDefault();
        string state = newest?.Result switch { SecurityScan.Clean => ReviewState.InOrder, SecurityScan.Found => ReviewState.Attention, _ => ReviewState.Unproven };
        return new(Id, "Dependency vulnerabilities", "Dependency vulnerabilities are reviewed.", state,
            newest is null ? "No scan was made in this month: nothing is known." : $"{Show.Count(done.Count, "scan")}; the last one, of {Show.Day(newest.At)}, says {newest.Result}: {newest.Why}",
            ["Scan", "Result", "Why", "Findings"], rows, Math.Max(0, done.Count - ReportSection.MaxRows));
    }
}
