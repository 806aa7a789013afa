-- A step that a draft carried over begins anew where something else is sold by then: it is carried no more.
grant update (carried_from) on tenant_onboarding_task to countersign_app;
