using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry.Metrics;
using Rag.Audit;
using Rag.Foundation;
using Rag.Maintenance.Retention;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Compliance;

internal static class ComplianceModule
{
    private const double DaysInYear = 365.25;

    private static readonly TimeSpan BeginEvery = TimeSpan.FromDays(1), ReportEvery = TimeSpan.FromHours(1);

    public static IServiceCollection AddCompliance(this IServiceCollection services, ConfigurationSections sections)
    {
        services.AddSection<ComplianceOptions>(sections);
        services.AddSingleton<ReviewBook>();
        services.AddSingleton<ReportMaker>();
        services.AddSingleton<AccessReview>();
        services.AddSingleton<CertificatesReview>();
        services.AddSingleton<IReviewSource>(s => s.GetRequiredService<AccessReview>());
        services.AddSingleton<IReviewSource>(s => s.GetRequiredService<CertificatesReview>());
        services.AddSingleton<IReviewSource, SecurityScanReview>();
        services.AddSingleton<IReviewSource, DependenciesReview>();
        services.AddSingleton<IReviewSource, PrivilegedAccessReview>();
        // In the order in which the report shows them.
        foreach (var topic in AuditSection.Topics) services.AddSingleton<IReportSection>(s => new AuditSection(topic, s.GetRequiredService<AuditSummary>()));
        services.AddSingleton<IReportSection, DataAccessSection>();
        services.AddSingleton<IReportSection, SecuritySection>();
        services.AddSingleton<IReportSection, AccessSection>();
        services.AddSingleton<IReportSection, ReviewsSection>();
        services.AddSingleton<IReportSection, RecordSection>();
        services.AddSingleton<IReportSection, BackupsSection>();
        services.AddSingleton<IReportSection, ObjectivesSection>();
        services.AddSingleton<IReportSection, IncidentsSection>();
        services.AddSingleton<IReportSection, CertificatesSection>();
        services.AddSingleton<IReportSection, VulnerabilitiesSection>();
        services.AddSingleton<IRetentionRule>(s => new TableRetention(
            s.GetRequiredService<Database>(), s.GetRequiredService<TimeProvider>(), "compliance-reports", "Reports for auditors", "compliance_reports", "id", "made_at", TimeSpan.FromMicroseconds(1),
            TimeSpan.FromDays(Math.Ceiling(DaysInYear * s.GetRequiredService<ComplianceOptions>().ReportYears))));
        services.AddSingleton<ReviewMetrics>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<ReviewMetrics>());
        services.AddSingleton(s => new LeaderJob("begin reviews", BeginEvery, (term, ct) => s.GetRequiredService<ReviewBook>().BeginAsync(term, ct)));
        services.AddSingleton(s => new LeaderJob("make the monthly report", ReportEvery, (term, ct) => s.GetRequiredService<ReportMaker>().MakeDueAsync(term, ct)));
        services.ConfigureOpenTelemetryMeterProvider(metrics => metrics.AddMeter(ReviewMetrics.MeterName));
        return services;
    }
}
