using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Rag.Access;

namespace Rag.Diagnosis;

internal static class DiagnosisEndpoints
{
    public static IEndpointRouteBuilder MapDiagnosis(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/admin/v1/doctor", (Doctor doctor, CancellationToken ct, string[]? area = null, bool heap = false, bool verify = false) =>
                doctor.LookAsync(Doctor.Request(area, heap, verify), ct))
            .Needs(Role.Operator).WithTags("Operate").WithSummary("What is wrong, why, and what to do; an area that is named is looked at for ten seconds");
        return routes;
    }
}
