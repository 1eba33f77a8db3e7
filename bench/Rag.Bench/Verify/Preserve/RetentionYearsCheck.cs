using Dapper;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Rag.Audit;
using Rag.Foundation;
using Rag.Ingestion;
using Rag.Maintenance.Retention;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Bench.Verify.Preserve;

/// <summary>
/// Eight years of daily operation on a clock that jumps from day to day: counts by the minute, answers, log files, backups good
/// and bad, security events, reports, runs of schedules and of the runbook, the audit record that all of this writes, legal holds
/// that come and go; the real rules run every night over a real record and real files. Every day what is left is compared, thing
/// by thing, with what a model written from the policy's words says.
/// </summary>
internal static class RetentionYearsCheck
{
    private const int Years = 8, QuickDays = 500;
    private const int MetricDays = 90, LogDays = 30, ProvenanceDays = 400, RunDays = 365, SecurityDays = 90, SevenYears = 2_557, AllDays = 14, WeeklyDays = 92, BackupDays = 365;

    public static Check Check { get; } = new("retention-years", "days of eight years of daily operation on which something was kept that the policy lets go, or gone that it keeps", Relation.AtMost, 0, MeasureAsync);

    private sealed class JumpingClock(DateTimeOffset start) : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = start;

        public override DateTimeOffset GetUtcNow() => Now;
    }

    private static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        var start = new DateTimeOffset(2027, 1, 1, 0, 0, 0, TimeSpan.Zero);
        int days = context.Quick ? QuickDays : (int)(start.AddYears(Years) - start).TotalDays;
        string folder = Directory.CreateTempSubdirectory("rag-years-").FullName, logs = Path.Combine(folder, "logs");
        Directory.CreateDirectory(logs);
        var clock = new JumpingClock(start);
        var settings = new Dictionary<string, string?>
        {
            ["Storage:DataDirectory"] = Path.Combine(folder, "data"), ["Inference:Provider"] = "none", ["Answering:KeepDays"] = $"{ProvenanceDays}", ["Slo:KeepDays"] = $"{MetricDays}",
            ["Maintenance:Retention:LogDirectory"] = logs, ["Maintenance:Retention:LogDays"] = $"{LogDays}", ["Maintenance:Retention:RunDays"] = $"{RunDays}",
            ["Maintenance:Retention:BackupAllDays"] = $"{AllDays}", ["Maintenance:Retention:BackupWeeklyDays"] = $"{WeeklyDays}", ["Maintenance:Retention:BackupDays"] = $"{BackupDays}",
        };
        try
        {
            await using var services = new ServiceCollection().AddLogging().AddSingleton<TimeProvider>(clock).AddRag(new ConfigurationBuilder().AddInMemoryCollection(settings).Build()).BuildServiceProvider();
            services.GetRequiredService<DataDirectory>();
            var database = services.GetRequiredService<Database>();
            await database.MigrateAsync(ct);
            await services.GetRequiredService<Collections>().EnsureAsync(Collections.Default, null, ct);
            var (keeper, desk, term) = (services.GetRequiredService<RetentionKeeper>(), services.GetRequiredService<RetentionHoldDesk>(), services.GetRequiredService<Leader>().Term!);
            var (world, model, random) = (new World(database, logs, Path.Combine(folder, "data", "backups")), new Model(), new Random(8));
            var wrong = new List<string>();
            long compared = 0;
            string? hold = null;
            var (tree, keeping) = (services.GetRequiredService<AuditTree>(), services.GetRequiredService<AuditKeeping>());
            // Records of the audit record that there had been at the end of each day.
            var audited = new List<long>();
            for (int day = 0; day < days; day++)
            {
                var midnight = start.AddDays(day);
                await world.LiveAsync(model, midnight, random);
                clock.Now = midnight.AddHours(3);
                // Holds: on one kind and a time, then on everything, each for a while.
                if (day % 700 == 430)
                {
                    var (from, to) = (midnight.AddDays(-380), midnight.AddDays(-300));
                    hold = (await desk.PlaceAsync(new("provenance", "A case", from, to), ct)).Id;
                    model.Holds.Add(("provenance", from, to));
                }
                if (day % 700 == 480)
                {
                    if (hold is not null) await desk.ReleaseAsync(hold, ct);
                    model.Holds.Clear();
                    hold = (await desk.PlaceAsync(new("all", "Another case", midnight.AddDays(-60), null), ct)).Id;
                    model.Holds.Add(("all", midnight.AddDays(-60), DateTimeOffset.MaxValue));
                }
                if (day % 700 == 560 && hold is not null)
                {
                    await desk.ReleaseAsync(hold, ct);
                    model.Holds.Clear();
                    hold = null;
                }
                // As the leader does it all day.
                await tree.RunAsync(term, sign: true, ct);
                await keeping.CloseDueAsync(term, ct);
                clock.Now = midnight.AddHours(3).AddMinutes(30);
                string run = Ids.New(clock);
                await world.RunAsync(model, run, clock.Now);
                // Now and then a night is missed, as while nothing runs.
                bool ran = random.Next(40) > 0;
                if (ran) await keeper.RunAsync(new(run, term), ct);
                audited.Add(await world.AuditedAsync());
                if (!ran) continue;
                model.LetGo(clock.Now);
                if (await world.AuditProblemAsync(audited, day) is { } problem)
                {
                    wrong.Add($"{midnight:yyyy-MM-dd} audit: {problem}");
                    continue;
                }
                foreach (var (kind, kept) in await world.KeptAsync())
                {
                    compared += kept.Count;
                    var expected = model.Kept(kind);
                    if (kept.SetEquals(expected)) continue;
                    wrong.Add($"{midnight:yyyy-MM-dd} {kind}: kept beyond the policy {Some(kept.Except(expected))}, gone against it {Some(expected.Except(kept))}");
                    break;
                }
            }
            var status = await keeper.StatusAsync(ct);
            string note = $"{days} days, {model.Made:N0} things, {compared:N0} comparisons; left: {string.Join(", ", status.Rules.Select(r => $"{r.Kept} {r.Rule}"))}";
            if (context.Quick) note += $"; smaller: {QuickDays} days of {Years} years";
            return new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join(" | ", wrong.Take(5))}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Some(IEnumerable<string> keys) => string.Join(", ", keys.Take(3)) is { Length: > 0 } some ? some : "nothing";

    /// <summary>What a day leaves behind, in the record and on disk, and what of it is there.</summary>
    private sealed class World(Database database, string logs, string backups)
    {
        public async Task LiveAsync(Model model, DateTimeOffset midnight, Random random)
        {
            long minute = midnight.ToUnixTimeSeconds() / 60;
            var minutes = new[] { minute, minute + 210, minute + 1_000 };
            var answers = Enumerable.Range(0, 3).Select(_ => (Id: Guid.NewGuid().ToString(), At: midnight.AddMinutes(random.Next(1_439)))).ToList();
            // Bounds to the microsecond: what is exactly as old as is kept, and a hair older.
            answers.Add((Guid.NewGuid().ToString(), midnight.AddHours(3).AddMinutes(30)));
            answers.Add((Guid.NewGuid().ToString(), midnight.AddHours(3).AddMinutes(30).AddMicroseconds(-1)));
            await database.WriteAsync(async tx =>
            {
                string attack = Guid.NewGuid().ToString();
                long at = Clock.ToMicroseconds(midnight);
                await tx.Connection!.ExecuteAsync("INSERT INTO security_events (id, first_at, last_at, pattern, caller, name, count, score, place, excerpt, trace) VALUES (@attack, @at, @at, 'scanner', 'c', 'n', 1, 1, '', '', '')", new { attack, at }, tx);
                model.Add("security-events", attack, midnight);
                if (midnight.Day == 1)
                {
                    string report = Guid.NewGuid().ToString(), walk = Guid.NewGuid().ToString();
                    await tx.Connection!.ExecuteAsync("INSERT INTO compliance_reports (id, month, made_at, complete, sha256, body) VALUES (@report, 'm', @at, 1, '', '{}')", new { report, at }, tx);
                    await tx.Connection!.ExecuteAsync("INSERT INTO runbook_runs (id, section, title, runbook_sha256, version, started_at, started_by) VALUES (@walk, 's', 't', '', '', @at, 'x')", new { walk, at }, tx);
                    model.Add("compliance-reports", report, midnight);
                    model.Add("runbook-runs", walk, midnight);
                }
                foreach (long m in minutes)
                {
                    await tx.Connection!.ExecuteAsync("INSERT INTO slo_minutes (minute, objective, good, total) VALUES (@m, 'latency', 1, 1), (@m, 'errors', 1, 1)", new { m }, tx);
                    await tx.Connection!.ExecuteAsync("INSERT INTO replica_minutes (minute, replica, cpu_share, memory_share) VALUES (@m, 'a', 0.1, 0.1)", new { m }, tx);
                    foreach (string kind in (string[])["objective-minutes", "replica-minutes"]) model.Add(kind, $"{m}", DateTimeOffset.FromUnixTimeSeconds(m * 60));
                }
                foreach (var (id, asked) in answers)
                {
                    await tx.Connection!.ExecuteAsync("INSERT INTO answers (id, collection_id, created_at, outcome, body) VALUES (@id, 'c', @asked, 'answered', '{}')", new { id, asked = Clock.ToMicroseconds(asked) }, tx);
                    model.Add("provenance", id, asked);
                }
                await BackUpAsync(tx, model, "daily", midnight.AddHours(1.5), random);
                if (midnight.DayOfWeek == DayOfWeek.Sunday) await BackUpAsync(tx, model, "weekly", midnight.AddHours(2.5), random);
            }, CancellationToken.None);
            string log = Path.Combine(logs, $"rag.log.{midnight:yyyyMMdd}");
            await File.WriteAllTextAsync(log, "x");
            File.SetLastWriteTimeUtc(log, midnight.UtcDateTime);
            model.Add("logs", Path.GetFileName(log), midnight);
        }

        public async Task RunAsync(Model model, string id, DateTimeOffset at)
        {
            await database.WriteAsync(tx => tx.Connection!.ExecuteAsync(
                "INSERT INTO schedule_runs (id, schedule, why, asked_at, asked_by, started_at, ended_at, outcome) VALUES (@id, 'retention', 'planned', @now, 'x', @now, @now, 'done')", new { id, now = Clock.ToMicroseconds(at) }, tx), CancellationToken.None);
            model.Add("schedule-runs", id, at);
        }

        public async Task<IReadOnlyDictionary<string, HashSet<string>>> KeptAsync()
        {
            await using var connection = await database.OpenAsync(CancellationToken.None);
            return new Dictionary<string, HashSet<string>>
            {
                ["objective-minutes"] = [.. (await connection.QueryAsync<long>("SELECT DISTINCT minute FROM slo_minutes")).Select(m => $"{m}")],
                ["replica-minutes"] = [.. (await connection.QueryAsync<long>("SELECT minute FROM replica_minutes")).Select(m => $"{m}")],
                ["provenance"] = [.. await connection.QueryAsync<string>("SELECT id FROM answers")],
                ["schedule-runs"] = [.. await connection.QueryAsync<string>("SELECT id FROM schedule_runs")],
                ["security-events"] = [.. await connection.QueryAsync<string>("SELECT id FROM security_events")],
                ["compliance-reports"] = [.. await connection.QueryAsync<string>("SELECT id FROM compliance_reports")],
                ["runbook-runs"] = [.. await connection.QueryAsync<string>("SELECT id FROM runbook_runs")],
                ["backups"] = [.. (await connection.QueryAsync<string>("SELECT id FROM backups")).Where(id => Directory.Exists(Path.Combine(backups, id)))],
                ["logs"] = [.. Directory.EnumerateFiles(logs).Select(f => Path.GetFileName(f))],
            };
        }

        /// <summary>How many records the audit record has had.</summary>
        public async Task<long> AuditedAsync()
        {
            await using var connection = await database.OpenAsync(CancellationToken.None);
            return await connection.ExecuteScalarAsync<long>("SELECT MAX(no) FROM audit_records");
        }

        /// <summary>
        /// The audit record goes by segments of a month, and a piece of the tree: every record of the last seven years is there, and
        /// none that is older by more than that.
        /// </summary>
        public async Task<string?> AuditProblemAsync(List<long> audited, int day)
        {
            // Seven years by the calendar have 2556 or 2557 days.
            const int Segment = 31 + 16, Within = SevenYears - 2;
            await using var connection = await database.OpenAsync(CancellationToken.None);
            long young = day > Within ? audited[day - Within] : 0, old = day > SevenYears + Segment ? audited[day - SevenYears - Segment] : 0;
            long there = await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM audit_records WHERE no > @young", new { young });
            if (there != audited[^1] - young) return $"{there} of {audited[^1] - young} records of the last seven years are there";
            long left = await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM audit_records WHERE no <= @old", new { old });
            return left > 0 ? $"{left} records are older than seven years and a segment" : null;
        }

        /// <summary>A backup as the record and the folder know it; what is in it is not what this is about.</summary>
        private async Task BackUpAsync(System.Data.Common.DbTransaction tx, Model model, string kind, DateTimeOffset at, Random random)
        {
            int fared = random.Next(100);
            string id = Guid.CreateVersion7(at).ToString(), state = fared < 4 ? "failed" : fared < 6 ? "damaged" : "complete";
            // There are weeks in which none is read back.
            bool proven = state == "complete" && random.Next(100) < (at.DayOfYear / 20 % 3 == 0 ? 0 : 60);
            Directory.CreateDirectory(Path.Combine(backups, id));
            await tx.Connection!.ExecuteAsync(
                """
                INSERT INTO backups (id, kind, state, sequence, engine, directory, started_at, completed_at, position, row_count, plain_bytes, stored_bytes, verified_at)
                VALUES (@id, @kind, @state, 0, 'sqlite', @directory, @at, @at, 0, 0, 0, 0, @verified)
                """, new { id, kind, state, directory = Path.Combine(backups, id), at = Clock.ToMicroseconds(at), verified = proven ? Clock.ToMicroseconds(at) : (long?)null }, tx);
            model.Add("backups", id, at, kind, whole: state == "complete", proven);
        }
    }

    /// <summary>The policy in its own words, looked up thing by thing; shares nothing with the product.</summary>
    private sealed class Model
    {
        private sealed record Thing(string Kind, string Key, DateTimeOffset At, string Series, bool Whole, bool Proven);

        private List<Thing> _things = [];

        public List<(string Kind, DateTimeOffset From, DateTimeOffset To)> Holds { get; } = [];

        public int Made { get; private set; }

        public void Add(string kind, string key, DateTimeOffset at, string series = "", bool whole = true, bool proven = true)
        {
            _things.Add(new(kind, key, at, series, whole, proven));
            Made++;
        }

        public HashSet<string> Kept(string kind) => [.. _things.Where(t => t.Kind == kind).Select(t => t.Key)];

        public void LetGo(DateTimeOffset now) => _things = [.. Backups(now), .. _things.Where(t => t.Kind != "backups" && (Held(t) || (now - t.At).TotalDays <= Days(t.Kind)))];

        private bool Held(Thing t) => Holds.Any(h => (h.Kind == "all" || h.Kind == t.Kind) && h.From <= t.At && t.At <= h.To);

        private static int Days(string kind) => kind switch { "logs" => LogDays, "provenance" => ProvenanceDays, "schedule-runs" => RunDays, "security-events" => SecurityDays, "compliance-reports" or "runbook-runs" => SevenYears, _ => MetricDays };

        /// <summary>One goes after the other, the oldest first, until none is left that may go: what is decided then is decided on what is there then.</summary>
        private IEnumerable<Thing> Backups(DateTimeOffset now)
        {
            var left = _things.Where(t => t.Kind == "backups").OrderBy(t => t.At).ToList();
            while (left.Find(b => !Held(b) && MayGo(b, left, now)) is { } gone) left.Remove(gone);
            return left;
        }

        private static bool MayGo(Thing b, List<Thing> all, DateTimeOffset now)
        {
            double age = (now - b.At).TotalDays;
            if (age <= AllDays) return false;
            if (!b.Whole) return true;
            var later = all.Where(o => o.Series == b.Series && o.Whole && o.At > b.At).ToList();
            if (later.Count == 0) return false;
            if (b.Proven && !later.Any(o => o.Proven)) return false;
            if (age > BackupDays) return true;
            // It stands for its week or month where it is proven and none later of it is, or none of it is proven and none is later.
            Func<Thing, bool> same = age <= WeeklyDays ? o => Monday(o.At) == Monday(b.At) : o => o.At.ToString("yyyyMM") == b.At.ToString("yyyyMM");
            var others = all.Where(o => o != b && o.Series == b.Series && o.Whole && same(o)).ToList();
            bool stands = b.Proven ? !others.Any(o => o.Proven && o.At > b.At) : !others.Any(o => o.Proven || o.At > b.At);
            return !stands;
        }

        private static DateTime Monday(DateTimeOffset at) => at.UtcDateTime.Date.AddDays(-(((int)at.DayOfWeek + 6) % 7));
    }
}
