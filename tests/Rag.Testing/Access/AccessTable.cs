namespace Rag.Testing.Access;

/// <summary>
/// What every route and every command takes, written down by hand: which of the roles, or everybody. A writer is a reader,
/// and an administrator is everything. What the program has and this lacks, or the other way round, is a mismatch.
/// </summary>
public static class AccessTable
{
    public const string Everybody = "everybody", Alone = "alone";

    /// <summary>Any role at all.</summary>
    private const string Any = "reader, operator, auditor";

    public static readonly IReadOnlyDictionary<string, string> Routes = Read($"""
        GET /v1/me: {Any}
        GET /live: {Any}
        POST /v1/ask: reader
        POST /v1/search: reader
        POST /v1/chat/completions: reader
        POST /v1/embeddings: reader
        GET /v1/models: reader
        GET /v1/models/*: reader
        POST /mcp: reader
        GET /v1/answers/*: reader
        POST /v1/answers/*/replay: reader
        POST /v1/answers/*/feedback: reader
        GET /v1/collections: reader
        GET /v1/collections/*: reader
        PUT /v1/collections/*: writer
        DELETE /v1/collections/*: writer
        GET /v1/collections/*/documents: reader
        POST /v1/collections/*/documents: writer
        GET /v1/collections/*/documents/*: reader
        PUT /v1/collections/*/documents/*: writer
        DELETE /v1/collections/*/documents/*: writer
        GET /v1/collections/*/documents/*/text: reader
        PUT /v1/collections/*/documents/*/permissions: writer

        GET /admin/v1/audit/records: auditor
        GET /admin/v1/audit/records/*: auditor
        GET /admin/v1/audit/records/*/proof: auditor
        GET /admin/v1/audit/consistency: auditor
        GET /admin/v1/audit/checkpoints: auditor
        GET /admin/v1/audit/key: auditor
        GET /admin/v1/audit/export: auditor
        POST /admin/v1/audit/verify: auditor
        GET /admin/v1/audit/segments: auditor
        GET /admin/v1/audit/holds: auditor
        POST /admin/v1/audit/holds: admin
        DELETE /admin/v1/audit/holds/*: admin
        POST /admin/v1/audit/erase: admin
        GET /admin/v1/access/review: auditor
        GET /admin/v1/reviews: auditor
        GET /admin/v1/reviews/*: auditor
        POST /admin/v1/reviews/*/done: auditor
        GET /admin/v1/reviews/done/*: auditor
        GET /admin/v1/reports: auditor
        POST /admin/v1/reports: auditor
        GET /admin/v1/reports/*: auditor
        GET /admin/v1/security/events: operator, auditor
        GET /admin/v1/security/callers: operator, auditor
        GET /admin/v1/security/certificates: operator, auditor
        GET /admin/v1/security/scans: operator, auditor
        POST /admin/v1/security/scans: operator
        GET /admin/v1/security/sbom: operator, auditor
        GET /admin/v1/security/canaries: operator, auditor
        POST /admin/v1/security/canaries: operator
        DELETE /admin/v1/security/canaries/*: operator

        GET /admin/v1/access/grants: admin
        POST /admin/v1/access/grants: admin
        DELETE /admin/v1/access/grants/*: admin
        GET /admin/v1/keys: admin
        POST /admin/v1/keys: admin
        GET /admin/v1/keys/*: admin
        DELETE /admin/v1/keys/*: admin
        POST /admin/v1/keys/*/rotate: admin

        GET /admin/v1/status: operator
        GET /admin/v1/database: operator
        GET /admin/v1/cache: operator
        DELETE /admin/v1/cache: operator
        POST /admin/v1/cache/ping: operator
        GET /admin/v1/index: operator
        POST /admin/v1/index/verify: operator
        POST /admin/v1/index/rebuild: operator
        GET /admin/v1/slo: operator
        GET /admin/v1/checklist: operator
        GET /admin/v1/monitoring: operator
        GET /admin/v1/deploy/baseline: operator
        POST /admin/v1/deploy/since: operator
        GET /admin/v1/scale: operator
        GET /admin/v1/scale/approvals: operator
        POST /admin/v1/scale/approvals: admin
        DELETE /admin/v1/scale/approvals/*: operator
        GET /admin/v1/doctor: operator
        POST /admin/v1/alerts: operator
        POST /admin/v1/contacts/test: operator
        GET /admin/v1/backups: operator, auditor
        POST /admin/v1/backups: operator
        GET /admin/v1/backups/operations: operator, auditor
        GET /admin/v1/backups/operations/*: operator, auditor
        GET /admin/v1/backups/off-site: operator, auditor
        GET /admin/v1/backups/drills: operator, auditor
        GET /admin/v1/backups/drills/*: operator, auditor
        POST /admin/v1/backups/drills: operator
        POST /admin/v1/backups/*/copy: operator
        POST /admin/v1/backups/*/verify-copy: operator
        POST /admin/v1/backups/*/fetch: operator
        GET /admin/v1/backups/*: operator, auditor
        POST /admin/v1/backups/*/verify: operator
        POST /admin/v1/backups/*/restore: admin
        POST /admin/v1/backups/restore-to-point: admin
        GET /admin/v1/incidents: operator
        POST /admin/v1/incidents: operator
        GET /admin/v1/incidents/*: operator
        GET /admin/v1/incidents/*/postmortem: operator
        POST /admin/v1/incidents/*/acknowledge: operator
        POST /admin/v1/incidents/*/assign: operator
        POST /admin/v1/incidents/*/severity: operator
        POST /admin/v1/incidents/*/note: operator
        POST /admin/v1/incidents/*/action-items: operator
        POST /admin/v1/incidents/*/resolve: operator
        POST /admin/v1/incidents/*/reopen: operator
        GET /admin/v1/maintenance/windows: operator
        POST /admin/v1/maintenance/windows: operator
        DELETE /admin/v1/maintenance/windows/*: operator
        GET /admin/v1/maintenance/read-only: operator
        POST /admin/v1/maintenance/read-only: operator
        DELETE /admin/v1/maintenance/read-only: operator
        GET /admin/v1/maintenance/runs: operator
        POST /admin/v1/maintenance/runs: operator
        GET /admin/v1/maintenance/runs/*: operator
        DELETE /admin/v1/maintenance/runs/*: operator
        GET /admin/v1/schedules: operator
        GET /admin/v1/schedules/runs: operator
        GET /admin/v1/schedules/runs/*: operator
        POST /admin/v1/schedules/*/runs: operator
        GET /admin/v1/retention: operator, auditor
        POST /admin/v1/retention/holds: admin
        DELETE /admin/v1/retention/holds/*: admin
        GET /admin/v1/runbook/sections: operator
        GET /admin/v1/runbook/sections/*: operator
        GET /admin/v1/runbook/runs: operator
        POST /admin/v1/runbook/runs: operator
        GET /admin/v1/runbook/runs/*: operator
        POST /admin/v1/runbook/runs/*/steps/*: operator
        POST /admin/v1/runbook/runs/*/end: operator

        GET /livez: {Everybody}
        GET /health: {Everybody}
        GET /readyz: {Everybody}
        GET /ready: {Everybody}
        GET /startupz: {Everybody}
        GET /metrics: operator, auditor
        GET /openapi/*.json: {Any}
        GET /docs/*: {Any}
        GET /docs/scalar.js: {Any}
        GET /docs/scalar.aspnetcore.js: {Any}
        GET /docs/favicon.svg: {Any}

        GET /sign-in: {Everybody}
        POST /sign-in: {Everybody}
        GET /sign-in/oidc: {Everybody}
        POST /sign-out: {Everybody}
        GET /: reader
        POST /feedback: reader
        GET /documents: reader
        GET /history: reader
        GET /answers/*: reader
        POST /answers/*/replay: reader
        POST /documents/new-collection: writer
        POST /documents/*/upload: writer
        GET /documents/*/*: reader
        GET /documents/*/*/differences: reader
        GET /documents/*/*/cited: writer
        POST /documents/*/*/permissions: writer
        GET /documents/*/*/delete: writer
        POST /documents/*/*/delete: writer
        GET /operate: operator
        GET /operate/objectives: operator
        GET /operate/cache: operator
        POST /operate/cache/ping: operator
        GET /operate/cache/clear: operator
        POST /operate/cache/clear: operator
        GET /operate/settings: operator
        GET /operate/access: admin
        POST /operate/access/keys: admin
        POST /operate/access/keys/*/rotate: admin
        POST /operate/access/keys/*/revoke: admin
        POST /operate/access/grants: admin
        POST /operate/access/grants/*/remove: admin
        GET /operate/maintenance: operator
        POST /operate/maintenance/read-only: operator
        POST /operate/maintenance/runs: operator
        POST /operate/maintenance/runs/*/cancel: operator
        POST /operate/maintenance/windows: operator
        POST /operate/maintenance/windows/*/cancel: operator
        GET /operate/backups: operator, auditor
        POST /operate/backups: operator
        GET /operate/backups/drills/*: operator, auditor
        POST /operate/backups/*/verify: operator
        POST /operate/backups/*/copy: operator
        POST /operate/backups/*/drill: operator
        GET /operate/schedules: operator
        POST /operate/schedules/*/runs: operator
        GET /operate/retention: operator, auditor
        POST /operate/retention/holds: admin
        POST /operate/retention/holds/*/release: admin
        GET /incidents: operator
        POST /incidents: operator
        GET /incidents/*: operator
        POST /incidents/*/*: operator
        GET /security: operator, auditor
        POST /security/scan: operator
        GET /audit: auditor
        POST /audit/verify: auditor
        GET /audit/*: auditor
        GET /reports: auditor
        POST /reports: auditor
        GET /reports/*: auditor
        GET /reviews/*: auditor
        POST /reviews/*: auditor
        GET /runbook: operator
        GET /runbook/*: operator
        POST /runbook/*/runs: operator
        POST /runbook/*/runs/*/steps/*: operator
        POST /runbook/*/runs/*/end: operator
        """);

    /// <summary>With arguments that do for one who may; a command that is alone speaks to no server, or is one.</summary>
    public static readonly IReadOnlyDictionary<string, string> Commands = Read($"""
        rag serve: {Alone}
        rag demo: {Alone}
        rag config check: {Alone}
        rag config show: {Alone}
        rag eval DIR: {Alone}
        rag audit key create FILE: {Alone}
        rag backup key create FILE: {Alone}
        rag backup key rotate FILE: {Alone}
        rag backup key list FILE: {Alone}
        rag runbook: {Alone}
        rag ask what?: reader
        rag search words: reader
        rag mcp: reader
        rag answers show x: reader
        rag answers replay x: reader
        rag ingest FILE: writer
        rag documents list: reader
        rag documents show x: reader
        rag documents permit x --everybody: writer
        rag documents delete x: writer
        rag collections list: reader
        rag collections create matrix: writer
        rag collections delete matrix: writer
        rag status: operator
        rag database check: operator
        rag cache ping: operator
        rag cache stats: operator
        rag cache clear: operator
        rag index status: operator
        rag index verify: operator
        rag index rebuild: operator
        rag slo: operator
        rag slo export DIR: operator
        rag checklist: operator
        rag deploy watch: operator
        rag scale status: operator
        rag scale recommend: operator
        rag scale approvals: operator
        rag scale approve --min 4 --reason matrix --for 1m: admin
        rag scale withdraw x: operator
        rag scale keep: operator
        rag doctor: operator
        rag incidents list: operator
        rag incidents show x: operator
        rag incidents open wrong --severity P3: operator
        rag incidents acknowledge x: operator
        rag incidents assign x devops-team: operator
        rag incidents severity x P3: operator
        rag incidents note x seen: operator
        rag incidents action-item x mend --role devops-team --due 2030-01-01: operator
        rag incidents resolve x: operator
        rag incidents reopen x: operator
        rag incidents postmortem x: operator
        rag incidents test-contact devops-team: operator
        rag maintenance window announce --title work --for 1m: operator
        rag maintenance window list: operator
        rag maintenance window cancel x: operator
        rag maintenance read-only on --reason matrix --for 1s: operator
        rag maintenance read-only off: operator
        rag maintenance read-only status: operator
        rag maintenance run list: operator
        rag maintenance run show x: operator
        rag maintenance run cancel x: operator
        rag database maintain --for 1s: operator
        rag schedules list: operator
        rag schedules run x: operator
        rag retention status: operator, auditor
        rag retention run: operator
        rag retention hold x --reason matrix: admin
        rag retention release x: admin
        rag backup create: operator
        rag backup list: operator, auditor
        rag backup show x: operator, auditor
        rag backup verify x: operator
        rag backup drill: operator
        rag backup drills list: operator, auditor
        rag backup drills show x: operator, auditor
        rag backup copy x: operator
        rag backup off-site: operator, auditor
        rag backup fetch x: operator
        rag backup restore x: admin
        rag runbook runs: operator
        rag runbook runs show x: operator
        rag audit list: auditor
        rag audit show x: auditor
        rag audit verify: auditor
        rag audit export --output FILE: auditor
        rag audit segments: auditor
        rag audit key show: auditor
        rag audit hold list: auditor
        rag audit hold add --reason matrix: admin
        rag audit hold remove x: admin
        rag audit erase x: admin
        rag access review: auditor
        rag reviews list: auditor
        rag reviews show access: auditor
        rag reviews done access --notes matrix: auditor
        rag report compliance: auditor
        rag report list: auditor
        rag security events: operator, auditor
        rag security callers: operator, auditor
        rag security certificates: operator, auditor
        rag security scan --last: operator, auditor
        rag security sbom: operator, auditor
        rag security canary list: operator, auditor
        rag security canary add --title matrix: operator
        rag security canary remove x: operator
        rag keys create matrix --role reader: admin
        rag keys list: admin
        rag keys rotate x: admin
        rag keys revoke x: admin
        rag access grants list: admin
        rag access grants add --user somebody --role reader: admin
        rag access grants remove x: admin
        rag access grant --user somebody --role reader: admin
        rag access whoami: {Any}
        """);

    /// <summary>Whether somebody with this one role may reach what takes <paramref name="expected"/>.</summary>
    public static bool Allows(string expected, string role)
    {
        if (expected == Everybody || role == "admin") return true;
        var roles = expected.Split(", ");
        return roles.Contains(role) || (role == "writer" && roles.Contains("reader"));
    }

    private static Dictionary<string, string> Read(string text) =>
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(l => l.Split(": ", 2)).ToDictionary(l => l[0], l => l[1]);
}
