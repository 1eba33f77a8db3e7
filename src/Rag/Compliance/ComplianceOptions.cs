using Rag.Foundation;

namespace Rag.Compliance;

/// <summary>Section <c>Compliance</c>.</summary>
internal sealed class ComplianceOptions : IValidatedOptions
{
    public string Section => "Compliance";

    /// <summary>Days from one review to the next.</summary>
    public ReviewPeriods Reviews { get; set; } = new();

    /// <summary>A key that was not used for so many days is shown as unused.</summary>
    public int UnusedKeyDays { get; set; } = 90;

    /// <summary>Reports are kept for so many years, as the audit record is.</summary>
    public int ReportYears { get; set; } = 7;

    public IEnumerable<ConfigurationError> Validate()
    {
        foreach (var (key, days) in Reviews.All)
            if (days is <= 0 or > 366) yield return new($"Compliance:Reviews:{key}", $"{days} is not a number of days between two reviews", "choose more than 0, up to 366");
        if (UnusedKeyDays is < 1 or > 3_660) yield return new("Compliance:UnusedKeyDays", $"{UnusedKeyDays} is out of range", "choose 1 to 3660");
        if (ReportYears is < 1 or > 100) yield return new("Compliance:ReportYears", $"{ReportYears} is out of range", "choose 1 to 100");
    }
}

/// <summary>Days; parts of a day are allowed.</summary>
internal sealed class ReviewPeriods
{
    public double SecurityScan { get; set; } = 7;

    public double Access { get; set; } = 90;

    public double Certificates { get; set; } = 30;

    public double Dependencies { get; set; } = 7;

    public double PrivilegedAccess { get; set; } = 30;

    public IEnumerable<(string Key, double Days)> All =>
        [(nameof(SecurityScan), SecurityScan), (nameof(Access), Access), (nameof(Certificates), Certificates), (nameof(Dependencies), Dependencies), (nameof(PrivilegedAccess), PrivilegedAccess)];
}
