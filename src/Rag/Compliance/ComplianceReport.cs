using System.Globalization;
using Rag.Foundation;

namespace Rag.Compliance;

/// <summary>A calendar month, UTC.</summary>
/// <param name="To">The first moment after it.</param>
internal sealed record ReportMonth(string Name, DateTimeOffset From, DateTimeOffset To)
{
    /// <exception cref="RagException">Invalid: not a month, or one that has not begun.</exception>
    public static ReportMonth Parse(string? text, DateTimeOffset now)
    {
        if (!DateOnly.TryParseExact(text + "-01", "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var first))
            throw new RagException(ErrorKind.Invalid, $"'{text}' is not a month.", "Write it as 2026-10.");
        var month = Of(first);
        return month.From <= now ? month : throw new RagException(ErrorKind.Invalid, $"The month {text} has not begun.", "Choose the present month, whose report is marked as not complete, or one before it.");
    }

    public static ReportMonth Before(DateTimeOffset now) => Of(new DateOnly(now.Year, now.Month, 1).AddMonths(-1));

    private static ReportMonth Of(DateOnly first) => new(
        first.ToString("yyyy-MM", CultureInfo.InvariantCulture), new(first.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero), new(first.AddMonths(1).ToDateTime(TimeOnly.MinValue), TimeSpan.Zero));
}

/// <param name="Evidence">What shows it, and where: the number of a leaf of the audit record, the id of a review, a command.</param>
public sealed record ReportRow(IReadOnlyList<string> Cells, string Evidence);

/// <summary>One requirement, how it stands, and what shows it.</summary>
/// <param name="Requirement">The runbook's line.</param>
/// <param name="State"><c>in_order</c>, <c>attention</c> or <c>unproven</c>.</param>
/// <param name="Summary">One sentence.</param>
/// <param name="Omitted">Rows beyond the bound, which are counted and not shown.</param>
public sealed record ReportSection(string Id, string Title, string Requirement, string State, string Summary, IReadOnlyList<string> Columns, IReadOnlyList<ReportRow> Rows, long Omitted = 0)
{
    /// <summary>Rows that a section shows at most.</summary>
    public const int MaxRows = 1_000;
}

/// <param name="Complete">Whether the month was over when the report was made.</param>
/// <param name="Checkpoint">Signed checkpoint of the audit record at that time, which the rows' leaves are under; null where there was none.</param>
public sealed record ComplianceReport(string Id, string Month, DateTimeOffset MadeAt, string Version, bool Complete, string State, string? Checkpoint, IReadOnlyList<ReportSection> Sections);

/// <param name="Sha256">Digest of the report as JSON, as it was made.</param>
public sealed record ReportEntry(string Id, string Month, DateTimeOffset MadeAt, bool Complete, string Sha256);

/// <summary>Makes one section of the report; a section that fails says so in its place, and the others stand.</summary>
internal interface IReportSection
{
    string Id { get; }

    Task<ReportSection> MakeAsync(ReportMonth month, CancellationToken ct);
}
