namespace Rag.Slo.Export;

/// <summary>Alerts on what somebody must have done in time: backups, certificates, the audit log, maintenance, reviews; on attacks; and on alerts that reach nobody.</summary>
internal static class CareAlerts
{
    public const string CertificateExpiresSoon = "CertificateExpiresSoon", CertificateExpires = "CertificateExpires";

    /// <summary>The runbook's schedule and some hours in which a backup may run; hours.</summary>
    public static readonly IReadOnlyList<(string Kind, int MaxAgeHours)> Backups = [("daily", 26), ("weekly", 8 * 24), ("monthly", 32 * 24)];

    /// <summary>The runbook's monthly verification.</summary>
    public const int VerifiedWithinDays = 32;

    /// <summary>How long a record may be under no checkpoint outside, seconds; read-only mode may be on, hours; and how soon a certificate ends, days.</summary>
    public const int MaxUncoveredSeconds = 7_200, MaxReadOnlyHours = 4, CertificateSoonDays = 21, CertificateNowDays = 3;

    /// <summary>Events of one pattern within ten minutes: one mistyped address is none, a program that tries is.</summary>
    private const int MinAttackEvents = 30;

    private const int DaySeconds = 86_400;

    public static IEnumerable<AlertRule> All()
    {
        // 0 says that there never was one, which is older than anything; every replica reads the same record.
        yield return new("BackupTooOld", Severity.Ticket, "15m",
            string.Join("\nor ", Backups.Select(b => $"max by (kind) (rag_backup_last_success_timestamp_seconds{{kind=\"{b.Kind}\"}}) < time() - {b.MaxAgeHours * 3600}")),
            "The last {{ $labels.kind }} backup is too old",
            "{{ if eq $value 0.0 }}No {{ $labels.kind }} backup was ever made.{{ else }}The last {{ $labels.kind }} backup was made at {{ $value | humanizeTimestamp }}.{{ end }}");
        yield return new("BackupUnverified", Severity.Ticket, "15m",
            $"max by (kind) (rag_backup_last_verified_timestamp_seconds) < time() - {VerifiedWithinDays * DaySeconds}",
            "No {{ $labels.kind }} backup has been proven lately",
            "{{ if eq $value 0.0 }}No {{ $labels.kind }} backup was ever proven.{{ else }}A {{ $labels.kind }} backup was last proven at {{ $value | humanizeTimestamp }}.{{ end }} A daily one is proven by reading all of it, the others by restoring and asking them.");
        yield return new("AuditCheckpointTooOld", Severity.Ticket, "5m", $"min(rag_audit_checkpoint_age_seconds) > {MaxUncoveredSeconds}",
            "The audit log has no recent checkpoint",
            "The last checkpoint of the audit log is {{ $value | humanizeDuration }} old: records since then can be changed unnoticed.");
        yield return Certificate(CertificateExpiresSoon, Severity.Ticket, CertificateSoonDays);
        yield return Certificate(CertificateExpires, Severity.Page, CertificateNowDays);
        yield return new("ReadOnlyLeftOn", Severity.Ticket, $"{MaxReadOnlyHours}h", "max(rag_read_only) == 1",
            $"Read-only mode has been on for more than {MaxReadOnlyHours} hours",
            $"Writes have been refused for maintenance for more than {MaxReadOnlyHours} hours.");
        yield return new("AttackPattern", Severity.Ticket, "", $"sum by (pattern) (increase(rag_security_events_total[10m])) >= {MinAttackEvents}",
            "Many requests look like an attack ({{ $labels.pattern }})",
            "All replicas together saw about {{ $value | humanize }} requests, questions or files of the pattern {{ $labels.pattern }} within 10 minutes.");
        yield return new("ReviewOverdue", Severity.Ticket, "1h", "max by (review) (time() - rag_review_due_timestamp_seconds) > 0",
            "The review {{ $labels.review }} is overdue",
            "The regular review {{ $labels.review }} should have been done {{ $value | humanizeDuration }} ago.");
        foreach (var alert in Reading()) yield return alert;
        foreach (var alert in Notifications()) yield return alert;
    }

    /// <summary>What is read, and by whom: one event says it.</summary>
    private static IEnumerable<AlertRule> Reading()
    {
        yield return new("CanaryRead", Severity.Page, "", "sum(increase(rag_security_events_total{pattern=\"canary_read\"}[15m])) > 0",
            "Somebody was shown a document that nobody has a reason to read",
            "A canary was cited, opened or searched for within 15 minutes. 'rag security events --pattern canary_read' says by whom.");
        yield return new("UnusualReading", Severity.Ticket, "", "sum by (pattern) (increase(rag_security_events_total{pattern=~\"unusual_.+|scraping\"}[1h])) > 0",
            "Somebody reads far more, or far other, than was their way ({{ $labels.pattern }})",
            "About {{ $value | humanize }} events of the pattern {{ $labels.pattern }} within an hour. 'rag security events --pattern {{ $labels.pattern }}' says by whom.");
    }

    /// <summary>A pager that Alertmanager calls itself hears of the second; the product's own channels are what fails.</summary>
    private static IEnumerable<AlertRule> Notifications()
    {
        // Tried three times, which a receiver that is restarted does not bring about.
        yield return new("NotificationFailing", Severity.Ticket, "",
            """
            sum by (channel) (increase(rag_notifications_total{outcome="failed"}[15m])) > 2
            unless sum by (channel) (increase(rag_notifications_total{outcome="sent"}[15m])) > 0
            """,
            "Notifications by {{ $labels.channel }} do not arrive",
            "About {{ $value | humanize }} tries to tell somebody of an incident by {{ $labels.channel }} failed within 15 minutes, and none went through.");
        yield return new("NobodyNotified", Severity.Page, "",
            """
            sum(increase(rag_notifications_total{outcome="failed"}[15m])) > 2
            unless sum(increase(rag_notifications_total{outcome="sent"}[15m])) > 0
            """,
            "No notification of an incident arrives by any channel",
            "About {{ $value | humanize }} tries to tell somebody of an incident failed within 15 minutes, by all channels together, and none went through: nobody hears of incidents from the product.");
    }

    private static AlertRule Certificate(string name, string severity, int days) => new(
        name, severity, "5m", $"min by (name) (rag_certificate_expiry_timestamp_seconds) - time() < {days * DaySeconds}",
        $"The certificate {{{{ $labels.name }}}} expires within {days} days",
        "{{ if lt $value 0.0 }}The certificate {{ $labels.name }} has expired.{{ else }}The certificate {{ $labels.name }} expires in {{ $value | humanizeDuration }}.{{ end }}");
}
